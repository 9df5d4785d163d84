// The ring alone: order, overflow, stealing, and that thieves and owner never share or lose an
// item.
#include "runtime/run_queue.hpp"

#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace c1m::runtime {
namespace {

using Queue = RunQueue<int, 8>;

std::vector<int> items(int count) {
  std::vector<int> all(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) all[static_cast<std::size_t>(i)] = i;
  return all;
}

TEST(RunQueue, IsFirstInFirstOut) {
  auto numbers = items(5);
  Queue queue;
  Queue::Overflow overflow;
  for (int& number : numbers) EXPECT_EQ(queue.push(&number, overflow), 0U);
  EXPECT_EQ(queue.size(), 5U);
  EXPECT_EQ(queue.room(), 3U);
  for (int& number : numbers) EXPECT_EQ(queue.pop(), &number);
  EXPECT_EQ(queue.pop(), nullptr);
}

TEST(RunQueue, WhenFullMovesTheOlderHalfAndTheNewOneOutInOrder) {
  auto numbers = items(9);
  Queue queue;
  Queue::Overflow overflow{};
  for (int i = 0; i < 8; ++i)
    EXPECT_EQ(queue.push(&numbers[static_cast<std::size_t>(i)], overflow), 0U);
  ASSERT_EQ(queue.push(&numbers[8], overflow), 5U);
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(overflow[i], &numbers[i]);
  EXPECT_EQ(overflow[4], &numbers[8]);
  for (std::size_t i = 4; i < 8; ++i) EXPECT_EQ(queue.pop(), &numbers[i]);
  EXPECT_TRUE(queue.empty());
}

TEST(RunQueue, AThiefTakesTheOlderHalfRoundedUpAndRunsOneOfThem) {
  auto numbers = items(5);
  Queue victim;
  Queue thief;
  Queue::Overflow overflow;
  for (int& number : numbers) victim.push(&number, overflow);
  std::uint32_t moved = 0;
  EXPECT_EQ(thief.steal_from(victim, moved), &numbers[2]);
  EXPECT_EQ(moved, 3U);
  EXPECT_EQ(thief.pop(), numbers.data());
  EXPECT_EQ(thief.pop(), &numbers[1]);
  EXPECT_EQ(thief.pop(), nullptr);
  EXPECT_EQ(victim.pop(), &numbers[3]);
  EXPECT_EQ(victim.pop(), &numbers[4]);
  EXPECT_EQ(thief.steal_from(victim, moved), nullptr);
  EXPECT_EQ(moved, 0U);
}

TEST(RunQueue, WorksAcrossTheWrapOfItsPositions) {
  auto numbers = items(3);
  Queue queue;
  Queue::Overflow overflow;
  for (int round = 0; round < 100; ++round) {
    for (int& number : numbers) ASSERT_EQ(queue.push(&number, overflow), 0U);
    for (int& number : numbers) ASSERT_EQ(queue.pop(), &number);
  }
}

TEST(RunQueue, EveryItemIsTakenOnceWithThievesAtWork) {
  constexpr int count = 20'000;
  auto numbers = items(count);
  std::vector<std::atomic<int>> taken(count);
  Queue queue;
  std::atomic<bool> done = false;
  const auto take = [&taken](const int* item) {
    taken[static_cast<std::size_t>(*item)].fetch_add(1);
  };
  std::vector<std::thread> thieves;
  thieves.reserve(2);
  for (int t = 0; t < 2; ++t) {
    thieves.emplace_back([&] {
      Queue mine;
      while (!done.load()) {
        std::uint32_t moved = 0;
        for (const int* item = mine.steal_from(queue, moved); item != nullptr; item = mine.pop()) {
          take(item);
        }
      }
    });
  }
  Queue::Overflow overflow{};
  for (int& number : numbers) {
    const std::uint32_t moved = queue.push(&number, overflow);
    for (std::uint32_t i = 0; i < moved; ++i) take(overflow[i]);
    if (number % 3 == 0) {
      if (const int* item = queue.pop()) take(item);
    }
  }
  while (const int* item = queue.pop()) take(item);
  done.store(true);
  for (std::thread& thief : thieves) thief.join();
  for (const auto& times : taken) ASSERT_EQ(times.load(), 1);
}

}  // namespace
}  // namespace c1m::runtime
