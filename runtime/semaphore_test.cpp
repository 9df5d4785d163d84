// The weighted semaphore: never more units out than there are, in the order of coming, with waiters
// that give up, for coroutines and plain threads.
#include "runtime/semaphore.hpp"

#include <atomic>
#include <cerrno>
#include <thread>
#include <vector>

#include "runtime/runtime_fixture.hpp"
#include "runtime/sleep.hpp"
#include "runtime/spawn.hpp"
#include "runtime/virtual_clock.hpp"
#include "runtime/yield.hpp"

namespace c1m::runtime {
namespace {

constexpr os::Nanoseconds second_ns = os::ns_per_s;

class SemaphoreTest : public RuntimeTest {};
C1M_FOR_ALL_PROCESSOR_COUNTS(SemaphoreTest);

class SemaphoreTimeTest : public RuntimeTest {
 protected:
  VirtualClock* clock() override { return &clock_; }

  VirtualClock clock_;
};
C1M_FOR_ALL_PROCESSOR_COUNTS(SemaphoreTimeTest);

TEST_P(SemaphoreTest, NeverMoreUnitsAreOutThanThereAre) {
  constexpr int coroutines = 12;
  constexpr int rounds = C1M_TSAN ? 100 : 2000;
  Semaphore semaphore(5);
  std::atomic<std::uint64_t> out = 0;
  run([&] {
    for (std::uint64_t i = 0; i < coroutines; ++i) {
      ASSERT_TRUE(spawn([&, units = 1 + i % 5] {
        for (int round = 0; round < rounds; ++round) {
          semaphore.acquire(units);
          EXPECT_LE(out.fetch_add(units) + units, 5U);
          if (round % 16 == 0) yield();
          out.fetch_sub(units);
          semaphore.release(units);
        }
      }));
    }
  });
  EXPECT_EQ(semaphore.free_units(), 5U);
}

TEST_P(SemaphoreTest, ALargeRequestIsNotOvertaken) {
  std::vector<int> order;
  std::atomic<int> waiting = 0;
  std::atomic<int> ended = 0;
  run([&] {
    Semaphore semaphore(3);
    semaphore.acquire(1);
    const auto wants = [&](std::uint64_t units, int number) {
      const int before = waiting.load();
      ASSERT_TRUE(spawn([&, units, number] {
        waiting.fetch_add(1);
        semaphore.acquire(units);
        order.push_back(number);
        semaphore.release(units);
        ended.fetch_add(1);
      }));
      while (waiting.load() == before) yield();
      for (int i = 0; i < 10; ++i) yield();
    };
    wants(3, 1);  // there are two
    while (semaphore.try_acquire(1)) semaphore.release(1);
    wants(1, 2);  // there are enough, but one waits
    EXPECT_FALSE(semaphore.try_acquire(1));
    EXPECT_TRUE(order.empty());
    semaphore.release(1);
    // Not by the order's size, which the others write; and the semaphore outlives their calls.
    while (ended.load() < 2) yield();
  });
  EXPECT_EQ(order, (std::vector{1, 2}));
}

TEST_P(SemaphoreTimeTest, AWaitEndsAtItsDeadlineAndByItsContext) {
  run([] {
    Semaphore semaphore(1);
    semaphore.acquire();
    auto got = semaphore.acquire(1, background, 3 * second_ns);
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().code, ETIMEDOUT);
    EXPECT_EQ(now_ns(), 3 * second_ns);
    const auto limit = CancelSource::with_timeout(second_ns);
    got = semaphore.acquire(1, limit.context());
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().code, ETIMEDOUT);
    EXPECT_EQ(now_ns(), 4 * second_ns);
    const CancelSource source;
    ASSERT_TRUE(spawn([source] { source.cancel(); }));
    got = semaphore.acquire(1, source.context());
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().code, ECANCELED);
    EXPECT_FALSE(semaphore.acquire(1, source.context())) << "a cancelled one lets nobody wait";
    semaphore.release();
    EXPECT_TRUE(semaphore.acquire(1, source.context())) << "but what is free is taken";
    semaphore.release();
  });
}

TEST_P(SemaphoreTimeTest, WhoGivesUpLetsThoseBehindItIn) {
  run([] {
    Semaphore semaphore(3);
    semaphore.acquire(1);
    std::atomic<int> served = 0;
    ASSERT_TRUE(spawn([&] { EXPECT_FALSE(semaphore.acquire(3, background, second_ns)); }));
    ASSERT_TRUE(sleep_for(second_ns / 2));
    for (int i = 0; i < 2; ++i) {
      ASSERT_TRUE(spawn([&] {
        EXPECT_TRUE(semaphore.acquire(1, background, 10 * second_ns));
        EXPECT_EQ(now_ns(), second_ns);
        served.fetch_add(1);
        semaphore.release(1);
      }));
    }
    ASSERT_TRUE(sleep_for(second_ns));
    EXPECT_EQ(served.load(), 2);
    semaphore.release(1);
  });
}

TEST_P(SemaphoreTimeTest, StopEndsAWaitWithADeadline) {
  run([this] {
    Semaphore semaphore(1);
    semaphore.acquire();
    ASSERT_TRUE(spawn([this] { runtime().stop(); }));
    const auto got = semaphore.acquire(1, background, 3600 * second_ns);
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().code, ECANCELED);
    semaphore.release();
  });
}

TEST_P(SemaphoreTest, NoUnitIsLostWhenWaitersGiveUpBesideAReleaser) {
  constexpr int rounds = C1M_TSAN ? 100 : 2000;
  Semaphore semaphore(2);
  run([&] {
    for (int i = 0; i < 6; ++i) {
      ASSERT_TRUE(spawn([&semaphore, i] {
        for (int round = 0; round < rounds; ++round) {
          const std::uint64_t units = 1 + static_cast<std::uint64_t>(i) % 2;
          const CancelSource limit;
          if (round % 3 == 0) {
            ASSERT_TRUE(spawn([limit] { limit.cancel(); }));
          }
          if (!semaphore.acquire(units, limit.context())) continue;
          if (round % 2 == 0) yield();
          semaphore.release(units);
        }
      }));
    }
  });
  EXPECT_EQ(semaphore.free_units(), 2U);
}

TEST_P(SemaphoreTest, ThreadsAndCoroutinesShareOne) {
  constexpr int rounds = C1M_TSAN ? 50 : 1000;
  Semaphore semaphore(2);
  std::atomic<int> out = 0;
  const auto use = [&] {
    for (int round = 0; round < rounds; ++round) {
      semaphore.acquire(1);
      EXPECT_LE(out.fetch_add(1) + 1, 2);
      out.fetch_sub(1);
      semaphore.release(1);
    }
  };
  std::thread first(use);
  std::thread second([&] {
    use();
    semaphore.acquire(2);
    const auto got = semaphore.acquire(1, background, os::monotonic_ns() + os::ns_per_ms);
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().code, ETIMEDOUT);
    semaphore.release(2);
  });
  run([&] {
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(spawn(use));
  });
  first.join();
  second.join();
}

TEST(SemaphoreDeathTest, NobodyWaitsForMoreThanThereIs) {
  testing::GTEST_FLAG(death_test_style) = "threadsafe";
  EXPECT_DEATH(
      {
        Semaphore semaphore(2);
        semaphore.acquire(3);
      },
      "more units than there are");
}

}  // namespace
}  // namespace c1m::runtime
