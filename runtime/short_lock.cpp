// The way of who finds the lock taken; see short_lock.hpp.
#include "runtime/short_lock.hpp"

#include "os/pause.hpp"

namespace c1m::runtime {
namespace {

// Together longer than any section, and shorter than a sleep and a wake-up.
constexpr int looks = 8;
constexpr int pauses_between_looks = 8;

}  // namespace

[[gnu::noinline]] void ShortLock::wait_and_lock() {
  for (int look = 0; look < looks; ++look) {
    for (int i = 0; i < pauses_between_looks; ++i) os::pause_cpu();
    if (word_.load(std::memory_order_relaxed) == free && try_lock()) return;
  }
  // As `contended`, because others may sleep as well.
  while (word_.exchange(contended, std::memory_order_acquire) != free) {
    platform::futex_wait(word_, contended, -1);
  }
}

}  // namespace c1m::runtime
