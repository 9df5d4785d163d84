int padded;

