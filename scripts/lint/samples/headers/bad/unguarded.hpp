// Has no include guard.
struct Twice {};
