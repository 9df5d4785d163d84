// The entry of a program.
