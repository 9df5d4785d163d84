// Coroutines that wait for each other are reported with who waits for whom, where each was spawned
// and where it is parked. Not here: those that somebody may still wake (no_deadlock_test.cpp).
#include "runtime/deadlock.hpp"

#include <array>
#include <cstring>
#include <mutex>
#include <string>
#include <thread>

#include "runtime/channel.hpp"
#include "runtime/condition_variable.hpp"
#include "runtime/deadlock_fixture.hpp"
#include "runtime/join_handle.hpp"
#include "runtime/mutex.hpp"
#include "runtime/once.hpp"
#include "runtime/semaphore.hpp"
#include "runtime/sleep.hpp"
#include "runtime/spawn.hpp"
#include "runtime/wait_group.hpp"
#include "runtime/yield.hpp"

namespace c1m::runtime {
namespace {

using DeadlockTest = DeadlockFixture;
C1M_FOR_ALL_PROCESSOR_COUNTS(DeadlockTest);

TEST_P(DeadlockTest, OfThreeCoroutinesIsReportedWithWhoWaitsForWhomAndWhereEachWasSpawned) {
  std::array<Mutex, 3> forks;
  WaitGroup all_have_one(3);
  std::array<std::uint_least32_t, 3> lines{};
  then_ = [&forks] { forks[0].unlock(); };
  set_up_with({});
  run([&] {
    constexpr auto here = [](std::source_location where = std::source_location::current()) {
      return where.line();
    };
    const auto philosopher = [&](std::size_t place) {
      return [&, place] {
        philosophers::dine(forks[place], forks[(place + 1) % 3], all_have_one);
        if (place != 0) forks[place].unlock();
      };
    };
    lines[0] = here() + 1;
    ASSERT_TRUE(spawn(philosopher(0)));
    lines[1] = here() + 1;
    ASSERT_TRUE(spawn(philosopher(1)));
    lines[2] = here() + 1;
    ASSERT_TRUE(spawn(philosopher(2)));
  });

  ASSERT_EQ(reported_.size(), 1U) << "once";
  const Deadlock& deadlock = reported_[0];
  const std::string text = to_text(deadlock);
  SCOPED_TRACE(text);
  EXPECT_EQ(deadlock.kind, DeadlockKind::circle);
  ASSERT_EQ(deadlock.coroutines.size(), 3U);
  EXPECT_TRUE(text.starts_with("deadlock: 3 coroutines wait for each other in a circle\n"));
  std::array<const CoroutineFacts*, 3> of_place{};
  for (const CoroutineFacts& facts : deadlock.coroutines) {
    EXPECT_EQ(facts.wait.reason, WaitReason::mutex);
    for (std::size_t i = 0; i < 3; ++i) {
      if (facts.spawned_at.line() == lines[i]) of_place[i] = &facts;
    }
  }
  for (std::size_t i = 0; i < 3; ++i) {
    ASSERT_NE(of_place[i], nullptr);
    const CoroutineFacts* const next = of_place[(i + 1) % 3];
    ASSERT_NE(next, nullptr);
    EXPECT_EQ(of_place[i]->waits_for, next->id);
    EXPECT_NE(text.find("coroutine " + std::to_string(of_place[i]->id) + " [mutex "),
              std::string::npos);
    EXPECT_NE(text.find("] waits for coroutine " + std::to_string(next->id) + "\n"),
              std::string::npos);
    EXPECT_NE(text.find("deadlock_test.cpp:" + std::to_string(lines[i]) + " in "),
              std::string::npos);
  }
  const std::size_t first = text.find("philosophers::dine");
  ASSERT_NE(first, std::string::npos) << "where it is parked";
}

TEST_P(DeadlockTest, IsFoundWhileOthersRun) {
  std::array<Mutex, 2> forks;
  WaitGroup all_have_one(2);
  set_up_with({.on_circle = DeadlockAction::ignore});
  run([&] {
    EXPECT_TRUE(runtime().deadlocks().empty());
    for (const std::size_t place : {0U, 1U}) {
      ASSERT_TRUE(spawn([&, place] {
        philosophers::dine(forks[place], forks[1 - place], all_have_one);
        if (place != 0) forks[place].unlock();
      }));
    }
    std::vector<Deadlock> found;
    while (found.empty()) {
      yield();
      found = runtime().deadlocks();
    }
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].coroutines.size(), 2U);
    forks[0].unlock();
    while (runtime().live() > 1) yield();
    EXPECT_TRUE(runtime().deadlocks().empty()) << "it has been resolved";
  });
  EXPECT_TRUE(reported_.empty());
}

TEST_P(DeadlockTest, GoesThroughJoinsAndOnce) {
  Mutex mutex;
  Once once;
  then_ = [&mutex] { mutex.unlock(); };
  set_up_with({});
  run([&] {
    mutex.lock();
    auto caller = spawn_joinable([&] {
      once.call([&] {
        const std::lock_guard lock(mutex);  // main's
      });
    });
    ASSERT_TRUE(caller);
    while (runtime().dump().count_of(CoroutineState::waiting) != 1) yield();
    auto waiter = spawn_joinable([&] { once.call([] {}); });
    ASSERT_TRUE(waiter);
    waiter->join();
    caller->join();
  });
  ASSERT_EQ(reported_.size(), 1U);
  EXPECT_EQ(reported_[0].coroutines.size(), 3U) << to_text(reported_[0]);
}

TEST_P(DeadlockTest, OfOneThatLocksTwice) {
  Mutex mutex;
  then_ = [&mutex] { mutex.unlock(); };
  set_up_with({});
  run([&mutex] {
    mutex.lock();
    mutex.lock();
    mutex.unlock();
  });
  ASSERT_EQ(reported_.size(), 1U);
  EXPECT_NE(to_text(reported_[0]).find("a coroutine waits for itself"), std::string::npos);
}

// Or who has just taken the lock would be taken for the last holder, until it has said its name.
TEST_P(DeadlockTest, NobodyIsNamedAfterTheUnlock) {
  set_up_with({});
  run([] {
    Mutex mutex;
    const auto named = [&mutex] {
      const void* address = nullptr;
      std::memcpy(static_cast<void*>(&address), &mutex.holder(), sizeof(address));
      return address;
    };
    EXPECT_EQ(named(), nullptr);
    mutex.lock();
    EXPECT_NE(named(), nullptr);
    mutex.unlock();
    EXPECT_EQ(named(), nullptr);
  });
}

TEST_P(DeadlockTest, AmongCompactCoroutines) {
  if (!compact_stacks_work) GTEST_SKIP() << "AddressSanitizer has no compact stacks";
  const auto forks = std::make_unique<std::array<Mutex, 2>>();
  const auto all_have_one = std::make_unique<WaitGroup>(2);
  then_ = [&forks] { (*forks)[0].unlock(); };
  set_up_with({});
  run([&] {
    for (const std::size_t place : {0U, 1U}) {
      const auto body = [&both = *forks, &all = *all_have_one, place] {
        philosophers::dine(both[place], both[1 - place], all);
        if (place != 0) both[place].unlock();
      };
      ASSERT_TRUE(spawn(body, {.stack = StackPolicy::compact}));
    }
  });
  ASSERT_EQ(reported_.size(), 1U);
  EXPECT_EQ(reported_[0].coroutines.size(), 2U);
}

TEST_P(DeadlockTest, AllAsleepIsReportedWhenAskedFor) {
  Channel<int> numbers;
  Semaphore semaphore(1);
  Mutex mutex;
  ConditionVariable condition;
  bool over = false;
  then_ = [&] {
    numbers.close();
    semaphore.release();
    const std::lock_guard lock(mutex);  // nobody has it
    over = true;
    condition.notify_one();
  };
  set_up_with({.on_all_asleep = DeadlockAction::report});
  run([&] {
    ASSERT_TRUE(sleep_for(os::ns_per_ms));  // a timer is no deadlock
    ASSERT_TRUE(semaphore.try_acquire());
    ASSERT_TRUE(spawn([&] { EXPECT_FALSE(numbers.receive()); }));
    ASSERT_TRUE(spawn([&] {
      std::unique_lock lock(mutex);
      condition.wait(lock, [&] { return over; });
    }));
    semaphore.acquire();
    semaphore.release();
  });
  ASSERT_EQ(reported_.size(), 1U);
  const std::string text = to_text(reported_[0]);
  SCOPED_TRACE(text);
  EXPECT_EQ(reported_[0].kind, DeadlockKind::all_asleep);
  EXPECT_EQ(reported_[0].coroutines.size(), 3U);
  EXPECT_TRUE(text.starts_with("all coroutines are asleep - deadlock"));
  EXPECT_NE(text.find("] waits for whoever sends to it or closes it: nobody does\n"),
            std::string::npos);
  EXPECT_NE(text.find("[semaphore 0x"), std::string::npos);
  EXPECT_NE(text.find("[condition 0x"), std::string::npos);
}

TEST_P(DeadlockTest, IsReportedOnceHoweverOftenAllSleep) {
  std::array<Mutex, 2> forks;
  WaitGroup all_have_one(2);
  set_up_with({});
  run([&] {
    for (const std::size_t place : {0U, 1U}) {
      ASSERT_TRUE(spawn([&, place] {
        philosophers::dine(forks[place], forks[1 - place], all_have_one);
        if (place != 0) forks[place].unlock();
      }));
    }
    while (reports() == 0) ASSERT_TRUE(sleep_for(idle_enough_ns));
    for (int i = 0; i < 2; ++i) ASSERT_TRUE(sleep_for(idle_enough_ns));
    forks[0].unlock();
  });
  EXPECT_EQ(reported_.size(), 1U);
}

TEST_P(DeadlockTest, AllAsleepIsReportedOnceForTheSameWaits) {
  Channel<int> numbers;
  set_up_with({.on_all_asleep = DeadlockAction::report});
  std::thread helper([&] {
    while (reports() == 0) std::this_thread::sleep_for(idle_enough);
    ASSERT_TRUE(runtime().spawn([] {}));  // so that something has run since the look
    std::this_thread::sleep_for(idle_enough);
    numbers.close();
  });
  run([&numbers] { EXPECT_FALSE(numbers.receive()); });
  helper.join();
  EXPECT_EQ(reported_.size(), 1U);
}

using DeadlockDeathTest = DeadlockTest;
C1M_FOR_ALL_PROCESSOR_COUNTS(DeadlockDeathTest);

TEST_P(DeadlockDeathTest, AbortsWhereThePolicySaysSo) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        auto runtime = Runtime::create(
            {.processors = GetParam(), .on_deadlock = {.on_circle = DeadlockAction::abort}});
        std::ignore = (*runtime)->run([] {
          Mutex mutex;
          mutex.lock();
          mutex.lock();
        });
      },
      "c1m runtime: deadlock: a coroutine waits for itself\n.*coroutine 1 .mutex 0x");
}

}  // namespace
}  // namespace c1m::runtime
