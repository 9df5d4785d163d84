// What has ended a task badly, or why something was cancelled: an operating error, or an exception.
// Invariant: either travels unchanged, and is returned or thrown again where it is asked for.
// Threads: values. Not here: exceptions of the runtime's own; it has none.
#pragma once

#include <exception>
#include <variant>

#include "os/result.hpp"

namespace c1m::runtime {

using Failure = std::variant<os::Error, std::exception_ptr>;

// Returns the error as a result, or throws the exception.
[[nodiscard]] os::Result<void> deliver(const Failure& failure);

// The errno in it: the error's, or that of a std::system_error of a category that has one; 0 for
// any other exception.
[[nodiscard]] int errno_of(const Failure& failure);

}  // namespace c1m::runtime
