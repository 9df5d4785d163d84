// The failing path of C1M_ASSERT: formats on the stack and writes without stdio, so that it works
// on a coroutine's small stack and inside a signal handler.
#include "os/assert.hpp"

#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>

namespace c1m::os {
namespace {

void put(const char* text) {
  // Nothing is left to do when stderr itself fails.
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, text, std::strlen(text));
}

void put_number(int value) {
  std::array<char, 16> digits{};
  char* cursor = digits.data() + digits.size() - 1;
  do {
    *--cursor = static_cast<char>('0' + value % 10);
    value /= 10;
  } while (value != 0 && cursor > digits.data());
  put(cursor);
}

}  // namespace

void assertion_failed(const char* expression, const char* file, int line, const char* message) {
  put(file);
  put(":");
  put_number(line);
  put(": assertion failed: ");
  put(expression);
  put(": ");
  put(message);
  put("\n");
  std::abort();
}

}  // namespace c1m::os
