// What an operation on the system returns: a value, or the errno and the call that failed.
// Invariant: an Error is two words and never allocates, so it can be returned when memory is short.
// Threads: values; no shared state. Not here: exceptions (c1m throws none of its own).
#pragma once

#include <cerrno>
#include <expected>
#include <string>
#include <string_view>

namespace c1m::os {

// An operating error. `operation` is a string literal naming the call, such as "bind".
struct [[nodiscard]] Error {
  int code = 0;                // errno value, never 0 in a returned Error
  const char* operation = "";  // static storage

  // By text: equal literals of two source files need not have one address.
  friend bool operator==(const Error& left, const Error& right) {
    return left.code == right.code && std::string_view(left.operation) == right.operation;
  }
};

template <class T>
using Result = std::expected<T, Error>;

// The present errno as an unexpected Result. Call it before anything else can change errno.
inline std::unexpected<Error> last_error(const char* operation) {
  return std::unexpected(Error{errno, operation});
}

inline std::unexpected<Error> fail(int code, const char* operation) {
  return std::unexpected(Error{code, operation});
}

// "EADDRINUSE"; "errno 99999" for a code that the system does not know.
std::string error_name(int code);

// "bind: Address already in use (EADDRINUSE)": the sentence shown to a person.
std::string describe(const Error& error);

}  // namespace c1m::os
