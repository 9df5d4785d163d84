// Assertions for programmer errors, on in every build: print the expression and the place, then
// abort. Operating errors (a full disk, a refused connection) are os::Result values and never come
// here.
#pragma once

namespace c1m::os {

// Prints to stderr with write(2) only, then aborts. Async-signal-safe; any thread may call it.
[[noreturn]] void assertion_failed(const char* expression, const char* file, int line,
                                   const char* message);

}  // namespace c1m::os

// `message` says what must hold and is a string literal.
#define C1M_ASSERT(expression, message) \
  (static_cast<bool>(expression)        \
       ? static_cast<void>(0)           \
       : ::c1m::os::assertion_failed(#expression, __FILE__, __LINE__, message))
