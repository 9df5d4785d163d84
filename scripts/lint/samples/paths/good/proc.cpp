// Reads /proc/self/stat, /tmp/x and https://example.org/a/b; either/or/both, ../up/down.
const auto path = directory + "/new/file";
