// A file whose name is in the wrong case.
