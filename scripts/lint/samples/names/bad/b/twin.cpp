// One of two files with one name.
