// Coroutines run, give way, sleep, migrate and end; a runtime stops; nothing is left behind.
#include <atomic>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "os/clock.hpp"
#include "runtime/runtime_fixture.hpp"
#include "runtime/sleep.hpp"
#include "runtime/spawn.hpp"
#include "runtime/yield.hpp"

namespace c1m::runtime {
namespace {

class SchedulerTest : public RuntimeTest {};
C1M_FOR_ALL_PROCESSOR_COUNTS(SchedulerTest);

TEST_P(SchedulerTest, RunsMainAndEverythingSpawnedBeforeItReturns) {
  std::atomic<int> ran = 0;
  run([&ran] {
    for (int i = 0; i < many; ++i) {
      ASSERT_TRUE(spawn([&ran] {
        yield();
        ran.fetch_add(1);
      }));
    }
  });
  EXPECT_EQ(ran.load(), many);
  EXPECT_EQ(runtime().statistics().spawned, static_cast<std::uint64_t>(many) + 1);
}

TEST_P(SchedulerTest, CanRunAgain) {
  int runs = 0;
  for (int i = 0; i < 20; ++i) run([&runs] { ++runs; });
  EXPECT_EQ(runs, 20);
}

TEST_P(SchedulerTest, CoroutinesSpawnCoroutinesToAnyDepth) {
  std::atomic<int> leaves = 0;
  std::function<void(int)> grow = [&](int levels) {
    if (levels == 0) {
      leaves.fetch_add(1);
      return;
    }
    for (int i = 0; i < 2; ++i) ASSERT_TRUE(spawn([&grow, levels] { grow(levels - 1); }));
  };
  constexpr int depth = C1M_TSAN ? 7 : 12;
  run([&grow] { grow(depth); });
  EXPECT_EQ(leaves.load(), 1 << depth);
}

TEST_P(SchedulerTest, YieldLetsTheOthersRun) {
  // With one processor the order is exact: two that yield take turns.
  std::string order;
  std::atomic<int> turns = 0;
  run([&] {
    for (const char name : {'a', 'b'}) {
      ASSERT_TRUE(spawn([&order, &turns, name] {
        for (int i = 0; i < 3; ++i) {
          turns.fetch_add(1);
          if (GetParam() == 1) order += name;
          yield();
        }
      }));
    }
  });
  EXPECT_EQ(turns.load(), 6);
  if (GetParam() == 1) {
    EXPECT_TRUE(order == "bababa" || order == "ababab") << order;
  }
}

TEST_P(SchedulerTest, OneThatNeverWaitsDoesNotStarveTheQueuesBehindIt) {
  // The pair keeps its own processor's queue non-empty; the guest comes through the global queue.
  std::atomic<bool> guest_ran = false;
  std::atomic<bool> running = false;
  std::thread other([&] {
    while (!running.load()) std::this_thread::yield();
    EXPECT_TRUE(runtime().spawn([&guest_ran] { guest_ran.store(true); }));
  });
  run([&] {
    for (int i = 0; i < 4; ++i) {
      ASSERT_TRUE(spawn([&] {
        running.store(true);
        while (!guest_ran.load()) yield();
      }));
    }
  });
  other.join();
  EXPECT_TRUE(guest_ran.load());
}

TEST_P(SchedulerTest, SleepersWakeNoEarlierThanAtTheirTimes) {
  // That they wake in order and not late is a matter of virtual time: virtual_clock_test.cpp.
  std::atomic<int> woke = 0;
  run([&woke] {
    const os::Nanoseconds start_ns = os::monotonic_ns();
    for (const int place : {3, 1, 2, 0}) {
      const os::Nanoseconds when_ns = start_ns + place * 5 * os::ns_per_ms;
      ASSERT_TRUE(spawn([&woke, when_ns] {
        ASSERT_TRUE(sleep_until(when_ns));
        EXPECT_GE(os::monotonic_ns(), when_ns);
        woke.fetch_add(1);
      }));
    }
  });
  EXPECT_EQ(woke.load(), 4);
}

TEST_P(SchedulerTest, ManySleepersAllWake) {
  std::atomic<int> woke = 0;
  run([&woke] {
    for (int i = 0; i < many; ++i) {
      ASSERT_TRUE(spawn([&woke, i] {
        ASSERT_TRUE(sleep_for((i * 7919) % 20'000 * os::ns_per_us));
        woke.fetch_add(1);
      }));
    }
  });
  EXPECT_EQ(woke.load(), many);
}

TEST_P(SchedulerTest, StopEndsSleepsWithEcanceled) {
  std::atomic<int> canceled = 0;
  run([&] {
    for (int i = 0; i < 100; ++i) {
      ASSERT_TRUE(spawn([&canceled] {
        const auto slept = sleep_for(os::ns_per_s * 3600);
        ASSERT_FALSE(slept);
        EXPECT_EQ(slept.error().code, ECANCELED);
        canceled.fetch_add(1);
      }));
    }
    ASSERT_TRUE(sleep_for(5 * os::ns_per_ms));
    runtime().stop();
    EXPECT_FALSE(sleep_for(os::ns_per_s)) << "nor does a new one begin";
  });
  EXPECT_EQ(canceled.load(), 100);
}

TEST_P(SchedulerTest, StopFromAnotherThreadEndsTheRun) {
  std::atomic<bool> asleep = false;
  std::thread stopper([&] {
    while (!asleep.load()) std::this_thread::yield();
    runtime().stop();
  });
  run([&asleep] {
    asleep.store(true);
    while (sleep_for(os::ns_per_s * 3600)) {
    }
  });
  stopper.join();
}

TEST_P(SchedulerTest, SpawnFromOtherThreadsBeforeAndDuringTheRun) {
  std::atomic<int> ran = 0;
  ASSERT_TRUE(runtime().spawn([&ran] { ran.fetch_add(1); }));
  std::vector<std::thread> threads;
  run([&] {
    for (int i = 0; i < 3; ++i) {
      threads.emplace_back([&] {
        for (int j = 0; j < 100; ++j) EXPECT_TRUE(runtime().spawn([&ran] { ran.fetch_add(1); }));
      });
    }
    while (ran.load() < 301) ASSERT_TRUE(sleep_for(os::ns_per_ms));
  });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(ran.load(), 301);
}

TEST_P(SchedulerTest, ABusyProcessorsWorkIsStolen) {
  if (GetParam() == 1) GTEST_SKIP() << "needs a second processor";
  // The spawner does not wait, so only another worker can run what it has spawned.
  std::atomic<int> ran = 0;
  run([&ran] {
    for (int i = 0; i < 100; ++i) ASSERT_TRUE(spawn([&ran] { ran.fetch_add(1); }));
    while (ran.load() < 100) std::this_thread::yield();
  });
  EXPECT_GT(runtime().statistics().stolen, 0U);
}

TEST_P(SchedulerTest, StatisticsCountWhatHappened) {
  run([this] {
    ASSERT_TRUE(spawn([] { ASSERT_TRUE(sleep_for(os::ns_per_ms)); }));
    EXPECT_EQ(runtime().statistics().coroutines_live, 2U);
    EXPECT_EQ(runtime().statistics().stacks_in_use, 2U);
    yield();
    ASSERT_TRUE(sleep_for(5 * os::ns_per_ms));
  });
  const RuntimeStatistics counted = runtime().statistics();
  EXPECT_EQ(counted.spawned, 2U);
  EXPECT_EQ(counted.yielded, 1U);
  EXPECT_EQ(counted.parked, 2U);
  EXPECT_EQ(counted.timers_fired, 2U);
  EXPECT_GE(counted.resumed, 5U);
  EXPECT_EQ(counted.processors, GetParam());
  EXPECT_LE(counted.stacks_reserved, 2U);
}

// --- exceptions ----------------------------------------------------------------------------------

TEST_P(SchedulerTest, AnExceptionSurvivesParkingInItsHandler) {
  std::atomic<int> right = 0;
  constexpr int coroutines = 200;
  run([&right] {
    for (int i = 0; i < coroutines; ++i) {
      ASSERT_TRUE(spawn([&right, i] {
        const std::string text = "error " + std::to_string(i);
        try {
          try {
            throw std::runtime_error(text);
          } catch (const std::runtime_error&) {
            for (int turn = 0; turn < 5; ++turn) yield();
            ASSERT_TRUE(sleep_for(i % 7 * os::ns_per_us));
            throw;  // rethrows this coroutine's exception, on whatever thread it is now
          }
        } catch (const std::runtime_error& error) {
          if (error.what() == text && std::uncaught_exceptions() == 0) right.fetch_add(1);
        }
      }));
    }
  });
  EXPECT_EQ(right.load(), coroutines);
}

TEST_P(SchedulerTest, ParkingWhileUnwindingKeepsTheCountOfUncaughtExceptions) {
  struct ParksInDestructor {
    ~ParksInDestructor() {
      EXPECT_EQ(std::uncaught_exceptions(), 1);
      yield();
      EXPECT_EQ(std::uncaught_exceptions(), 1);
    }
  };
  std::atomic<int> caught = 0;
  run([&caught] {
    for (int i = 0; i < 50; ++i) {
      ASSERT_TRUE(spawn([&caught] {
        EXPECT_EQ(std::uncaught_exceptions(), 0);
        try {
          const ParksInDestructor parks;
          throw 1;
        } catch (int) {
          caught.fetch_add(1);
        }
      }));
    }
  });
  EXPECT_EQ(caught.load(), 50);
}

TEST_P(SchedulerTest, AnExceptionThatLeavesEndsTheProcessAndNamesTheCoroutine) {
  testing::GTEST_FLAG(death_test_style) = "threadsafe";
  EXPECT_DEATH(run([] {
                 EXPECT_TRUE(spawn([] { throw std::runtime_error("no way"); }));
                 EXPECT_TRUE(sleep_for(os::ns_per_s));
               }),
               "exception left coroutine .*scheduler_test.cpp:[0-9]+.*no way");
}

TEST(RuntimeOptionsTest, OutsideTheirRangesAreRefused) {
  for (const RuntimeOptions& options :
       {RuntimeOptions{.processors = 0}, RuntimeOptions{.processors = processors_max + 1},
        RuntimeOptions{.stack_bytes = 1024}, RuntimeOptions{.coroutines_max = 0},
        RuntimeOptions{.descriptors_max = 0}}) {
    const auto created = Runtime::create(options);
    ASSERT_FALSE(created);
    EXPECT_EQ(created.error().code, EINVAL);
  }
}

TEST(RuntimeOptionsTest, SpawnFailsAtTheMostCoroutinesAndWorksAgainAfterwards) {
  auto created = Runtime::create({.coroutines_max = 2});
  ASSERT_TRUE(created);
  int ran = 0;
  ASSERT_TRUE((*created)->run([&ran] {
    ASSERT_TRUE(spawn([&ran] { ++ran; }));
    const auto third = spawn([&ran] { ++ran; });
    ASSERT_FALSE(third);
    EXPECT_EQ(third.error().code, EAGAIN);
    yield();
    EXPECT_TRUE(spawn([&ran] { ++ran; }));
  }));
  EXPECT_EQ(ran, 2);
}

}  // namespace
}  // namespace c1m::runtime
