// The condition variable: notifications reach who has waited longest, none is lost to one that
// gives up, and coroutines and plain threads wait on the same one.
#include "runtime/condition_variable.hpp"

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

class ConditionTest : public RuntimeTest {};
C1M_FOR_ALL_PROCESSOR_COUNTS(ConditionTest);

class ConditionTimeTest : public RuntimeTest {
 protected:
  VirtualClock* clock() override { return &clock_; }

  VirtualClock clock_;
};
C1M_FOR_ALL_PROCESSOR_COUNTS(ConditionTimeTest);

// A queue of one place.
struct Place {
  Mutex mutex;
  ConditionVariable changed_to_full;
  ConditionVariable changed_to_empty;
  int value = 0;  // guarded by mutex; 0: empty

  void put(int given) {
    {
      std::unique_lock lock(mutex);
      changed_to_empty.wait(lock, [this] { return value == 0; });
      value = given;
    }
    changed_to_full.notify_one();
  }
  int take() {
    int taken = 0;
    {
      std::unique_lock lock(mutex);
      changed_to_full.wait(lock, [this] { return value != 0; });
      taken = std::exchange(value, 0);
    }
    changed_to_empty.notify_one();
    return taken;
  }
};

TEST_P(ConditionTest, EveryItemPassesFromOneToAnother) {
  constexpr int items = C1M_TSAN ? 200 : 3000;
  Place place;
  std::atomic<long> sum = 0;
  run([&] {
    for (int i = 0; i < 3; ++i) {
      ASSERT_TRUE(spawn([&] {
        for (int item = 1; item <= items; ++item) place.put(item);
      }));
      ASSERT_TRUE(spawn([&] {
        for (int item = 1; item <= items; ++item) sum.fetch_add(place.take());
      }));
    }
  });
  EXPECT_EQ(sum.load(), 3L * items * (items + 1) / 2);
}

TEST_P(ConditionTest, ThreadsAndCoroutinesPassItems) {
  constexpr int items = C1M_TSAN ? 50 : 500;
  Place place;
  long sum = 0;
  std::thread puts([&] {
    for (int item = 1; item <= items; ++item) place.put(item);
  });
  std::thread takes([&] {
    for (int item = 1; item <= items; ++item) sum += place.take();
  });
  std::atomic<long> inside = 0;
  run([&] {
    ASSERT_TRUE(spawn([&] {
      for (int item = 1; item <= items; ++item) place.put(item);
    }));
    for (int item = 1; item <= items; ++item) inside.fetch_add(place.take());
  });
  puts.join();
  takes.join();
  EXPECT_EQ(sum + inside.load(), long{items} * (items + 1));
}

TEST_P(ConditionTest, NotifyAllReachesAllAndNotifyOneOne) {
  constexpr int waiters = 20;
  Mutex mutex;
  ConditionVariable changed;
  int waiting = 0;  // guarded by mutex, as the next
  int went_on = 0;
  run([&] {
    for (int i = 0; i < waiters; ++i) {
      ASSERT_TRUE(spawn([&] {
        std::unique_lock lock(mutex);
        ++waiting;
        changed.wait(lock);
        ++went_on;
      }));
    }
    const auto wait_until = [&](const int& count, int wanted) {
      for (;;) {
        {
          const std::lock_guard lock(mutex);
          if (count == wanted) return;
        }
        yield();
      }
    };
    wait_until(waiting, waiters);
    changed.notify_one();
    wait_until(went_on, 1);
    for (int i = 0; i < 20; ++i) yield();
    wait_until(went_on, 1);
    changed.notify_all();
    wait_until(went_on, waiters);
  });
}

TEST_P(ConditionTimeTest, AWaitEndsAtItsDeadlineAndByItsContextWithTheMutexLocked) {
  run([this] {
    Mutex mutex;
    ConditionVariable changed;
    std::unique_lock lock(mutex);
    auto waited = changed.wait(lock, background, 3 * second_ns);
    ASSERT_FALSE(waited);
    EXPECT_EQ(waited.error().code, ETIMEDOUT);
    EXPECT_EQ(now_ns(), 3 * second_ns);
    EXPECT_FALSE(mutex.try_lock());
    const CancelSource source;
    ASSERT_TRUE(spawn([source] { source.cancel(); }));
    waited = changed.wait(lock, source.context());
    ASSERT_FALSE(waited);
    EXPECT_EQ(waited.error().code, ECANCELED);
    const auto limit = CancelSource::with_timeout(second_ns);
    waited = changed.wait(lock, limit.context(), no_deadline, [] { return false; });
    ASSERT_FALSE(waited);
    EXPECT_EQ(waited.error().code, ETIMEDOUT);
    EXPECT_EQ(now_ns(), 4 * second_ns);
    ASSERT_TRUE(spawn([this] { runtime().stop(); }));
    waited = changed.wait(lock, background, 3600 * second_ns);
    ASSERT_FALSE(waited);
    EXPECT_EQ(waited.error().code, ECANCELED);
  });
}

// One of two waiters may give up; whoever is notified takes the item, and none is left lying.
TEST_P(ConditionTest, NoNotificationIsLostToOneThatGivesUp) {
  constexpr int rounds = C1M_TSAN ? 100 : 2000;
  run([] {
    for (int round = 0; round < rounds; ++round) {
      struct Shared {
        Mutex mutex;
        ConditionVariable changed;
        int items = 0;
        int users = 0;
      } shared;
      const CancelSource limit;
      shared.users = 2;
      ASSERT_TRUE(spawn([&shared, context = limit.context()] {
        std::unique_lock lock(shared.mutex);
        const bool notified = shared.items > 0 || shared.changed.wait(lock, context).has_value();
        // Who was notified passes on what it does not want.
        if (notified) shared.changed.notify_one();
        --shared.users;
      }));
      ASSERT_TRUE(spawn([&shared] {
        std::unique_lock lock(shared.mutex);
        shared.changed.wait(lock, [&shared] { return shared.items > 0; });
        --shared.items;
        --shared.users;
      }));
      if (round % 2 == 0) yield();
      ASSERT_TRUE(spawn([limit] { limit.cancel(); }));
      {
        const std::lock_guard lock(shared.mutex);
        ++shared.items;
      }
      shared.changed.notify_one();
      for (;;) {
        {
          const std::lock_guard lock(shared.mutex);
          if (shared.users == 0) break;
        }
        yield();
      }
    }
  });
}

}  // namespace
}  // namespace c1m::runtime
