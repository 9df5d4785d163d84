// The coroutine mutex: exclusion, waiting without holding a processor, fairness, and what it
// demands of its users.
#include "runtime/mutex.hpp"

#include <atomic>
#include <mutex>
#include <thread>
#include <vector>

#include "os/clock.hpp"
#include "runtime/runtime_fixture.hpp"
#include "runtime/sleep.hpp"
#include "runtime/spawn.hpp"
#include "runtime/yield.hpp"

namespace c1m::runtime {
namespace {

class MutexTest : public RuntimeTest {};
C1M_FOR_ALL_PROCESSOR_COUNTS(MutexTest);

TEST_P(MutexTest, OneAtATimeIsInside) {
  constexpr int coroutines = 16;
  constexpr int rounds = C1M_TSAN ? 200 : 5000;
  Mutex mutex;
  int inside = 0;  // plain on purpose: ThreadSanitizer sees a lock that orders nothing
  long sum = 0;
  run([&] {
    for (int i = 0; i < coroutines; ++i) {
      ASSERT_TRUE(spawn([&, i] {
        for (int round = 0; round < rounds; ++round) {
          const std::lock_guard lock(mutex);
          EXPECT_EQ(++inside, 1);
          ++sum;
          if ((round + i) % 64 == 0) yield();
          --inside;
        }
      }));
    }
  });
  EXPECT_EQ(sum, long{coroutines} * rounds);
}

TEST_P(MutexTest, WhoWaitsGivesItsProcessorAway) {
  Mutex mutex;
  std::atomic<int> others = 0;
  bool got = false;
  run([&] {
    mutex.lock();
    EXPECT_FALSE(mutex.try_lock());
    ASSERT_TRUE(spawn([&] {
      const std::lock_guard lock(mutex);
      EXPECT_EQ(others.load(), 10);
      got = true;
    }));
    for (int i = 0; i < 10; ++i) ASSERT_TRUE(spawn([&others] { others.fetch_add(1); }));
    while (others.load() < 10) yield();
    EXPECT_FALSE(got);
    mutex.unlock();
  });
  EXPECT_TRUE(got);
}

TEST_P(MutexTest, SleepingHoldersAndUniqueLock) {
  Mutex mutex;
  int turns = 0;
  run([&] {
    for (int i = 0; i < 20; ++i) {
      ASSERT_TRUE(spawn([&] {
        std::unique_lock lock(mutex);
        const int before = turns;
        ASSERT_TRUE(sleep_for(20 * os::ns_per_us));
        EXPECT_EQ(turns, before);
        ++turns;
        lock.unlock();
        yield();
        lock.lock();
      }));
    }
  });
  EXPECT_EQ(turns, 20);
}

// The hog gives way only while it holds the lock, so that the lock is never free when another
// coroutine runs: without the hand-over the waiter would never get it.
TEST_P(MutexTest, AWaiterDoesNotStarveBehindOneThatLocksAgainAtOnce) {
  Mutex mutex;
  std::atomic<bool> waits = false;
  std::atomic<bool> got = false;
  run([&] {
    ASSERT_TRUE(spawn([&] {
      waits.store(true);
      const std::lock_guard lock(mutex);
      got.store(true);
    }));
    mutex.lock();
    while (!waits.load()) yield();
    while (!got.load()) {
      yield();
      mutex.unlock();
      mutex.lock();
    }
    mutex.unlock();
  });
}

TEST_P(MutexTest, StopDoesNotEndAWait) {
  Mutex mutex;
  bool got = false;
  run([&] {
    mutex.lock();
    ASSERT_TRUE(spawn([&] {
      const std::lock_guard lock(mutex);
      got = true;
    }));
    yield();
    runtime().stop();
    for (int i = 0; i < 10; ++i) yield();
    EXPECT_FALSE(got);
    mutex.unlock();
  });
  EXPECT_TRUE(got);
}

TEST_P(MutexTest, ThreadsAndCoroutinesExcludeEachOther) {
  constexpr int rounds = C1M_TSAN ? 100 : 3000;
  Mutex mutex;
  int inside = 0;  // plain on purpose: ThreadSanitizer sees a lock that orders nothing
  long sum = 0;
  const auto locks = [&](int give_way_every) {
    for (int round = 0; round < rounds; ++round) {
      const std::lock_guard lock(mutex);
      EXPECT_EQ(++inside, 1);
      ++sum;
      if (round % give_way_every == 0) std::this_thread::yield();
      --inside;
    }
  };
  std::vector<std::thread> threads;
  threads.reserve(2);
  for (int i = 0; i < 2; ++i) threads.emplace_back([&locks] { locks(7); });
  run([&] {
    for (int i = 0; i < 4; ++i) {
      ASSERT_TRUE(spawn([&locks] { locks(31); }));
    }
  });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(sum, 6L * rounds);
}

TEST_P(MutexTest, AThreadWaitsForACoroutineAndTheOtherWayRound) {
  Mutex mutex;
  std::atomic<int> turn = 0;
  std::thread thread([&] {
    while (turn.load() == 0) std::this_thread::yield();
    mutex.lock();
    EXPECT_EQ(turn.load(), 2);
    turn.store(3);
    while (turn.load() == 3) std::this_thread::yield();
    mutex.unlock();
  });
  run([&] {
    mutex.lock();
    turn.store(1);
    ASSERT_TRUE(sleep_for(os::ns_per_ms));
    turn.store(2);
    mutex.unlock();
    while (turn.load() == 2) ASSERT_TRUE(sleep_for(20 * os::ns_per_us));
    EXPECT_FALSE(mutex.try_lock());
    turn.store(4);
    const std::lock_guard lock(mutex);
  });
  thread.join();
}

TEST(MutexDeathTest, OnlyALockedOneIsUnlocked) {
  testing::GTEST_FLAG(death_test_style) = "threadsafe";
  EXPECT_DEATH(
      {
        Mutex mutex;
        mutex.unlock();
      },
      "only a locked mutex is unlocked");
}

}  // namespace
}  // namespace c1m::runtime
