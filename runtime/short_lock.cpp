// The way of who finds the lock taken; see short_lock.hpp.
#include "runtime/short_lock.hpp"

#include "os/clock.hpp"
#include "os/pause.hpp"

namespace c1m::runtime {
namespace {

constexpr int pauses = 8;
// Together longer than any section, and shorter than a sleep with its wake-up.
constexpr int looks = 8;
// After collisions in quick succession: each as long as some hundred sections, which the other
// thread does meanwhile with all that they touch in its own cache.
constexpr int looks_from_afar = 4;
constexpr os::Nanoseconds away_ns = 8 * os::ns_per_us;
constexpr std::uint32_t quick_succession = 50;  // ticks

// Wraps after an hour, which makes one stay a little long.
std::uint32_t now_in_ticks() {
  return static_cast<std::uint32_t>(os::monotonic_ns() / 1024);
}

}  // namespace

[[gnu::noinline]] void ShortLock::wait_and_lock() {
  const std::uint32_t since = now_in_ticks() - collided_.load(std::memory_order_relaxed);
  wait_and_lock(since < quick_succession);
  // Now, because before it would have taken the line from who holds the lock.
  collided_.store(now_in_ticks(), std::memory_order_relaxed);
}

void ShortLock::wait_and_lock(bool stays_away) {
  for (int look = stays_away ? looks_from_afar : looks; look > 0; --look) {
    const os::Nanoseconds until_ns = stays_away ? os::monotonic_ns() + away_ns : 0;
    do {
      for (int i = 0; i < pauses; ++i) os::pause_cpu();
    } while (stays_away && os::monotonic_ns() < until_ns);
    if (word_.load(std::memory_order_relaxed) == free && try_lock()) return;
  }
  // As `contended`, because others may sleep as well.
  while (word_.exchange(contended, std::memory_order_acquire) != free) {
    platform::futex_wait(word_, contended, -1);
  }
}

}  // namespace c1m::runtime
