// The shared mutex: writers alone, readers together, neither side starved, for coroutines and plain
// threads; and what is done once.
#include "runtime/shared_mutex.hpp"

#include <array>
#include <atomic>
#include <mutex>
#include <shared_mutex>
#include <stdexcept>
#include <thread>

#include "runtime/once.hpp"
#include "runtime/runtime_fixture.hpp"
#include "runtime/sleep.hpp"
#include "runtime/spawn.hpp"
#include "runtime/yield.hpp"

namespace c1m::runtime {
namespace {

class SharedMutexTest : public RuntimeTest {};
C1M_FOR_ALL_PROCESSOR_COUNTS(SharedMutexTest);

// What a writer changes in two steps, and a reader sees whole.
struct Pair {
  SharedMutex mutex;
  long left = 0;  // plain on purpose: ThreadSanitizer sees a lock that orders nothing
  long right = 0;

  void write(bool gives_way) {
    const std::lock_guard lock(mutex);
    ++left;
    if (gives_way) yield();
    ++right;
  }
  void read(bool gives_way) {
    const std::shared_lock lock(mutex);
    const long seen = left;
    if (gives_way) yield();
    EXPECT_EQ(seen, left);
    EXPECT_EQ(seen, right);
  }
};

TEST_P(SharedMutexTest, WritersAreAlone) {
  constexpr int rounds = C1M_TSAN ? 100 : 2000;
  Pair pair;
  run([&] {
    for (int i = 0; i < 4; ++i) {
      ASSERT_TRUE(spawn([&pair] {
        for (int round = 0; round < rounds; ++round) pair.read(round % 8 == 0);
      }));
      ASSERT_TRUE(spawn([&pair] {
        for (int round = 0; round < rounds; ++round) pair.write(round % 8 == 0);
      }));
    }
  });
  EXPECT_EQ(pair.left, 4L * rounds);
}

TEST_P(SharedMutexTest, ReadersAreTogether) {
  run([] {
    SharedMutex mutex;
    std::atomic<int> inside = 0;
    for (int i = 0; i < 5; ++i) {
      ASSERT_TRUE(spawn([&] {
        const std::shared_lock lock(mutex);
        inside.fetch_add(1);
        while (inside.load() < 5) yield();
      }));
    }
    while (inside.load() < 5) yield();
    mutex.lock();
    mutex.unlock();
  });
}

// Readers that overlap for ever: without the shut door the writer would never get in.
TEST_P(SharedMutexTest, AWriterIsNotStarvedByReaders) {
  SharedMutex mutex;
  std::atomic<bool> written = false;
  std::atomic<int> inside = 0;
  run([&] {
    for (int i = 0; i < 2; ++i) {
      ASSERT_TRUE(spawn([&] {
        while (!written.load()) {
          mutex.lock_shared();
          inside.fetch_add(1);
          // Until the other is in as well, so that one always is; or a writer keeps it out.
          int looks = 0;
          do yield();
          while (++looks < 20 && inside.load() < 2);
          inside.fetch_sub(1);
          mutex.unlock_shared();
        }
      }));
    }
    while (inside.load() == 0) yield();
    mutex.lock();
    EXPECT_EQ(inside.load(), 0);
    written.store(true);
    mutex.unlock();
  });
}

// Writers one after the other: the reader that came during the first is in before the last.
TEST_P(SharedMutexTest, AReaderIsNotStarvedByWriters) {
  SharedMutex mutex;
  std::atomic<bool> waits = false;
  std::atomic<bool> read = false;
  run([&] {
    mutex.lock();
    ASSERT_TRUE(spawn([&] {
      waits.store(true);
      const std::shared_lock lock(mutex);
      read.store(true);
    }));
    while (!waits.load()) yield();
    while (!read.load()) {  // hardly ever free when another coroutine runs
      yield();
      mutex.unlock();
      mutex.lock();
    }
    mutex.unlock();
  });
}

TEST_P(SharedMutexTest, TryingDoesNotWait) {
  run([] {
    SharedMutex mutex;
    ASSERT_TRUE(mutex.try_lock());
    EXPECT_FALSE(mutex.try_lock());
    EXPECT_FALSE(mutex.try_lock_shared());
    mutex.unlock();
    ASSERT_TRUE(mutex.try_lock_shared());
    ASSERT_TRUE(mutex.try_lock_shared());
    EXPECT_FALSE(mutex.try_lock());
    mutex.unlock_shared();
    mutex.unlock_shared();
    ASSERT_TRUE(mutex.try_lock());
    mutex.unlock();
  });
}

TEST_P(SharedMutexTest, ThreadsAndCoroutinesShareOne) {
  constexpr int rounds = C1M_TSAN ? 100 : 1000;
  Pair pair;
  std::thread reads([&pair] {
    for (int round = 0; round < rounds; ++round) pair.read(false);
  });
  std::thread writes([&pair] {
    for (int round = 0; round < rounds; ++round) pair.write(false);
  });
  run([&pair] {
    ASSERT_TRUE(spawn([&pair] {
      for (int round = 0; round < rounds; ++round) pair.write(round % 8 == 0);
    }));
    for (int round = 0; round < rounds; ++round) pair.read(round % 8 == 0);
  });
  reads.join();
  writes.join();
  EXPECT_EQ(pair.left, 2L * rounds);
}

// --- once ----------------------------------------------------------------------------------------

TEST_P(SharedMutexTest, OnceIsOnceAndDoneWhenAnybodyGoesOn) {
  constexpr int rounds = 100;
  run([] {
    for (int round = 0; round < rounds; ++round) {
      struct Shared {
        Once once;
        int calls = 0;  // plain on purpose, as the next
        int value = 0;
        std::atomic<int> went_on = 0;
      } shared;
      for (int i = 0; i < 5; ++i) {
        ASSERT_TRUE(spawn([&shared] {
          shared.once.call([&shared] {
            ++shared.calls;
            yield();
            shared.value = 7;
          });
          EXPECT_EQ(shared.value, 7);
          shared.went_on.fetch_add(1);
        }));
      }
      while (shared.went_on.load() < 5) yield();
      EXPECT_EQ(shared.calls, 1);
      EXPECT_TRUE(shared.once.is_done());
    }
  });
}

TEST_P(SharedMutexTest, ACallThatThrowsDoesNotCount) {
  run([] {
    Once once;
    std::atomic<int> calls = 0;
    std::atomic<int> thrown = 0;
    std::atomic<int> went_on = 0;
    for (int i = 0; i < 6; ++i) {
      ASSERT_TRUE(spawn([&] {
        try {
          once.call([&calls] {
            yield();
            if (calls.fetch_add(1) < 3) throw std::runtime_error("not yet");
          });
        } catch (const std::runtime_error&) {
          thrown.fetch_add(1);
        }
        went_on.fetch_add(1);
      }));
    }
    while (went_on.load() < 6) yield();
    EXPECT_EQ(calls.load(), 4);
    EXPECT_EQ(thrown.load(), 3);
  });
}

TEST_P(SharedMutexTest, AThreadWaitsForACoroutinesCall) {
  Once once;
  std::atomic<bool> begun = false;
  int value = 0;
  std::thread outside([&] {
    while (!begun.load()) std::this_thread::yield();
    once.call([] { ADD_FAILURE() << "the other's call counts"; });
    EXPECT_EQ(value, 7);
  });
  run([&] {
    once.call([&] {
      begun.store(true);
      ASSERT_TRUE(sleep_for(os::ns_per_ms));
      value = 7;
    });
  });
  outside.join();
}

}  // namespace
}  // namespace c1m::runtime
