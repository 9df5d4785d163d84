// Looking into a failure; see failure.hpp.
#include "runtime/failure.hpp"

#include <system_error>

namespace c1m::runtime {

os::Result<void> deliver(const Failure& failure) {
  if (const auto* exception = std::get_if<std::exception_ptr>(&failure)) {
    std::rethrow_exception(*exception);
  }
  return std::unexpected(std::get<os::Error>(failure));
}

int errno_of(const Failure& failure) {
  if (const auto* error = std::get_if<os::Error>(&failure)) return error->code;
  try {
    std::rethrow_exception(std::get<std::exception_ptr>(failure));
  } catch (const std::system_error& error) {
    const std::error_condition condition = error.code().default_error_condition();
    return condition.category() == std::generic_category() ? condition.value() : 0;
  } catch (...) {
    return 0;
  }
}

}  // namespace c1m::runtime
