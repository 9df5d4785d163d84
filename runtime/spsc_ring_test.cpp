// The ring of one producer and one consumer: order, limits, waiting on coroutines and threads, and
// what is left in it.
#include "runtime/spsc_ring.hpp"

#include <memory>
#include <thread>

#include "runtime/runtime_fixture.hpp"
#include "runtime/spawn.hpp"

namespace c1m::runtime {
namespace {

class SpscRingTest : public RuntimeTest {};
C1M_FOR_ALL_PROCESSOR_COUNTS(SpscRingTest);

TEST(SpscRing, IsFullAtItsCapacityAndGivesBackInOrder) {
  SpscRing<std::unique_ptr<int>> ring(3);
  EXPECT_EQ(ring.capacity(), 4U);
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 4; ++i) EXPECT_TRUE(ring.try_push(std::make_unique<int>(i)));
    auto refused = std::make_unique<int>(9);
    EXPECT_FALSE(ring.try_push(std::move(refused)));
    EXPECT_NE(refused, nullptr);  // NOLINT(bugprone-use-after-move): moved from only when pushed
    EXPECT_EQ(ring.size(), 4U);
    for (int i = 0; i < 4; ++i) EXPECT_EQ(**ring.try_pop(), i);
    EXPECT_FALSE(ring.try_pop());
  }
}

TEST(SpscRing, WhatIsLeftGoesWithIt) {
  const auto value = std::make_shared<int>(1);
  {
    SpscRing<std::shared_ptr<int>> ring(8);
    for (int i = 0; i < 5; ++i) EXPECT_TRUE(ring.try_push(std::shared_ptr<int>(value)));
    EXPECT_TRUE(ring.try_pop());
    EXPECT_EQ(value.use_count(), 5);
  }
  EXPECT_EQ(value.use_count(), 1);
}

TEST(SpscRing, BetweenTwoThreads) {
  constexpr int values = C1M_TSAN ? 20'000 : 500'000;
  SpscRing<int> ring(64);
  std::thread producer([&ring] {
    for (int i = 0; i < values; ++i) {
      while (!ring.try_push(int(i))) std::this_thread::yield();
    }
  });
  for (int i = 0; i < values;) {
    if (const auto value = ring.try_pop()) {
      ASSERT_EQ(*value, i);
      ++i;
    } else {
      std::this_thread::yield();
    }
  }
  producer.join();
}

TEST_P(SpscRingTest, BothSidesWait) {
  constexpr int values = C1M_TSAN ? 2000 : 50'000;
  for (const StackPolicy stack : {StackPolicy::dedicated, StackPolicy::compact}) {
    auto ring = std::make_unique<SpscRing<int>>(4);
    int next = 0;
    run([&] {
      ASSERT_TRUE(spawn(
          [&ring = *ring] {
            for (int i = 0; i < values; ++i) ring.push(i);
            ring.close();
          },
          {.stack = stack}));
      while (const auto value = ring->pop()) EXPECT_EQ(*value, next++);
    });
    EXPECT_EQ(next, values);
  }
}

TEST_P(SpscRingTest, AThreadAndACoroutine) {
  constexpr int values = C1M_TSAN ? 500 : 5000;
  SpscRing<int> there(2);
  SpscRing<int> back(2);
  std::thread thread([&] {
    while (const auto value = there.pop()) back.push(*value);
    back.close();
  });
  int next = 0;
  run([&] {
    ASSERT_TRUE(spawn([&] {
      for (int i = 0; i < values; ++i) there.push(i);
      there.close();
    }));
    while (const auto value = back.pop()) EXPECT_EQ(*value, next++);
  });
  thread.join();
  EXPECT_EQ(next, values);
}

TEST(SpscRingDeathTest, NothingIsPushedAfterClose) {
  testing::GTEST_FLAG(death_test_style) = "threadsafe";
  EXPECT_DEATH(
      {
        SpscRing<int> ring(1);
        ring.close();
        ring.push(1);
      },
      "closed ring");
}

}  // namespace
}  // namespace c1m::runtime
