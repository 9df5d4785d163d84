// A futex sleeps only while the word is as expected, and ends by wake or timeout.
#include "os/futex.hpp"

#include <thread>

#include <gtest/gtest.h>

namespace c1m::os {
namespace {

TEST(Futex, DoesNotSleepWhenTheWordHasChanged) {
  std::atomic<std::uint32_t> word = 1;
  futex_wait(word, 0, -1);  // would hang for ever
  EXPECT_EQ(word.load(), 1u);
}

TEST(Futex, EndsAtItsTimeout) {
  std::atomic<std::uint32_t> word = 0;
  const Nanoseconds before_ns = monotonic_ns();
  while (monotonic_ns() - before_ns < 2 * ns_per_ms) futex_wait(word, 0, ns_per_ms);
  EXPECT_EQ(word.load(), 0u);
}

TEST(Futex, IsWoken) {
  std::atomic<std::uint32_t> word = 0;
  std::atomic<bool> woken = false;
  std::thread sleeper([&] {
    while (word.load() == 0) futex_wait(word, 0, -1);
    woken = true;
  });
  word = 1;
  futex_wake_one(word);
  sleeper.join();
  EXPECT_TRUE(woken);
}

}  // namespace
}  // namespace c1m::os
