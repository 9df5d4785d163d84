// The words for an Error; see result.hpp.
#include "os/result.hpp"

#include <cstring>

namespace c1m::os {

std::string error_name(int code) {
  const char* name = strerrorname_np(code);
  return name != nullptr ? name : "errno " + std::to_string(code);
}

std::string describe(const Error& error) {
  std::string text = error.operation;
  text += ": ";
  const char* description = strerrordesc_np(error.code);
  text += description != nullptr ? description : "unknown error";
  if (const char* name = strerrorname_np(error.code)) {
    text += " (";
    text += name;
    text += ')';
  }
  return text;
}

}  // namespace c1m::os
