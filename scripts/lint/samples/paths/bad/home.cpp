// Reads /home/somebody/project/data, which others do not have.
