// getrandom(2); see entropy.hpp.
#include "os/entropy.hpp"

#include <sys/random.h>

#include <cerrno>
#include <utility>

namespace c1m::os {

Result<std::uint64_t> random_bits() {
  std::uint64_t bits = 0;
  // So few bytes come whole, and without a signal in between, once the generator is ready.
  const ssize_t got = ::getrandom(&bits, sizeof bits, 0);
  if (std::cmp_not_equal(got, sizeof bits)) return fail(got < 0 ? errno : EIO, "getrandom");
  return bits;
}

}  // namespace c1m::os
