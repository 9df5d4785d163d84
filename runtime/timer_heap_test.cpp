// The heap alone, against a sorted list: order, cancelling from the middle, and nothing left
// behind.
#include "runtime/timer_heap.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <random>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace c1m::runtime {
namespace {

std::vector<std::uint32_t> indices(std::span<const WakeToken> tokens) {
  std::vector<std::uint32_t> all;
  for (const WakeToken token : tokens) all.push_back(token.coroutine_index());
  return all;
}

TEST(TimerHeap, HandsOutWhatIsDueEarliestFirst) {
  TimerHeap heap;
  std::array<Timer, 4> timers;
  std::array<WakeToken, 8> due;
  EXPECT_EQ(heap.earliest_ns(), TimerHeap::never);
  heap.arm(timers[0], 30, {1, 0});
  heap.arm(timers[1], 10, {2, 0});
  heap.arm(timers[2], 20, {3, 0});
  heap.arm(timers[3], 40, {4, 0});
  EXPECT_EQ(heap.earliest_ns(), 10);
  EXPECT_EQ(heap.take_due(9, due), 0U);
  const std::size_t count = heap.take_due(30, due);
  EXPECT_EQ(indices(std::span(due).first(count)), (std::vector<std::uint32_t>{2, 3, 1}));
  EXPECT_EQ(heap.earliest_ns(), 40);
  EXPECT_EQ(heap.size(), 1U);
  EXPECT_EQ(heap.take_any(due), 1U);
  EXPECT_EQ(heap.earliest_ns(), TimerHeap::never);
}

TEST(TimerHeap, GivesNoMoreThanAskedFor) {
  TimerHeap heap;
  std::array<Timer, 3> timers;
  std::array<WakeToken, 2> due;
  for (std::uint32_t i = 0; i < 3; ++i) heap.arm(timers[i], i, {i + 1, 0});
  EXPECT_EQ(heap.take_due(100, due), 2U);
  EXPECT_EQ(heap.take_due(100, due), 1U);
}

TEST(TimerHeap, ACancelledTimerIsGoneAtOnceAndCanBeArmedAgain) {
  TimerHeap heap;
  Timer timer;
  timer.cancel();  // never armed: no effect
  heap.arm(timer, 10, {1, 7});
  timer.cancel();
  EXPECT_EQ(heap.size(), 0U);
  EXPECT_EQ(heap.earliest_ns(), TimerHeap::never);
  heap.arm(timer, 20, {1, 8});
  std::array<WakeToken, 2> due;
  ASSERT_EQ(heap.take_due(20, due), 1U);
  EXPECT_EQ(due[0].epoch(), 8U);
  timer.cancel();  // fired: no effect
}

TEST(TimerHeap, AgreesWithASortedListOverRandomOperations) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  constexpr std::size_t count = 300;
  TimerHeap heap;
  std::vector<std::unique_ptr<Timer>> timers;
  timers.reserve(count);
  for (std::size_t i = 0; i < count; ++i) timers.push_back(std::make_unique<Timer>());
  std::vector<os::Nanoseconds> armed(count, TimerHeap::never);  // the oracle
  os::Nanoseconds now_ns = 0;
  for (int step = 0; step < 20'000; ++step) {
    const std::size_t i = random() % count;
    if (random() % 8 == 0) {
      now_ns += random() % 50;
      std::array<WakeToken, count> due;
      const std::size_t fired = heap.take_due(now_ns, due);
      os::Nanoseconds before = 0;
      for (const std::uint32_t index : indices(std::span(due).first(fired))) {
        ASSERT_LE(before, armed[index - 1]);
        ASSERT_LE(armed[index - 1], now_ns);
        before = std::exchange(armed[index - 1], TimerHeap::never);
      }
    } else if (armed[i] == TimerHeap::never) {
      armed[i] = now_ns + random() % 1000;
      heap.arm(*timers[i], armed[i], {static_cast<std::uint32_t>(i + 1), 0});
    } else {
      timers[i]->cancel();
      armed[i] = TimerHeap::never;
    }
    ASSERT_EQ(heap.earliest_ns(), *std::ranges::min_element(armed));
  }
  for (auto& timer : timers) timer->cancel();
  EXPECT_EQ(heap.size(), 0U);
}

TEST(TimerHeap, ATimerEitherFiresOrIsCancelledNeverBoth) {
  TimerHeap heap;
  Timer timer;
  std::atomic<bool> done = false;
  std::atomic<std::uint64_t> fired = 0;
  std::thread firer([&] {
    std::array<WakeToken, 4> due;
    while (!done.load()) fired.fetch_add(heap.take_due(100, due));
  });
  std::uint64_t cancelled = 0;
  constexpr std::uint64_t rounds = 20'000;
  for (std::uint64_t i = 0; i < rounds; ++i) {
    heap.arm(timer, 1, {1, static_cast<std::uint32_t>(i)});
    if (i % 2 == 0) std::this_thread::yield();
    const std::size_t before = heap.size();
    timer.cancel();
    if (heap.size() < before) ++cancelled;
  }
  done.store(true);
  firer.join();
  EXPECT_EQ(heap.size(), 0U);
  EXPECT_LE(fired.load(), rounds);
  EXPECT_GE(fired.load() + cancelled, rounds);
}

}  // namespace
}  // namespace c1m::runtime
