// Ticks come at their times, slow receivers miss them, and stop and reset end waits. In virtual
// time, so every figure is exact.
#include "runtime/ticker.hpp"

#include <algorithm>
#include <atomic>
#include <vector>

#include "runtime/runtime_fixture.hpp"
#include "runtime/sleep.hpp"
#include "runtime/spawn.hpp"
#include "runtime/virtual_clock.hpp"
#include "runtime/yield.hpp"

namespace c1m::runtime {
namespace {

constexpr os::Nanoseconds second_ns = os::ns_per_s;

class TickerTest : public RuntimeTest {
 protected:
  VirtualClock* clock() override { return &clock_; }

  VirtualClock clock_;
};
C1M_FOR_ALL_PROCESSOR_COUNTS(TickerTest);

TEST_P(TickerTest, TicksAtWholePeriodsAfterItsStart) {
  run([] {
    ASSERT_TRUE(sleep_for(3));
    Ticker ticker(second_ns);
    for (int i = 1; i <= 1000; ++i) {
      EXPECT_EQ(ticker.wait(), 3 + i * second_ns);
      EXPECT_EQ(now_ns(), 3 + i * second_ns);
    }
    EXPECT_EQ(ticker.dropped(), 0U);
  });
}

TEST_P(TickerTest, ASlowReceiverFindsTheOldestTickAndMissesTheOthers) {
  run([] {
    Ticker ticker(10);
    ASSERT_TRUE(sleep_until(35));
    EXPECT_EQ(ticker.wait(), 10) << "kept while 20 and 30 were dropped";
    EXPECT_EQ(ticker.dropped(), 2U);
    EXPECT_EQ(now_ns(), 35) << "without waiting";
    EXPECT_EQ(ticker.wait(), 40) << "and in step again";
    EXPECT_EQ(now_ns(), 40);
    ASSERT_TRUE(sleep_until(50));
    EXPECT_EQ(ticker.wait(), 50);
    EXPECT_EQ(ticker.dropped(), 2U);
  });
}

TEST_P(TickerTest, StopEndsAWaitAndFurtherOnes) {
  run([] {
    Ticker ticker(1000 * second_ns);
    std::atomic<bool> ended = false;
    ASSERT_TRUE(spawn([&] {
      EXPECT_EQ(ticker.wait().error().code, ECANCELED);
      ended.store(true);
    }));
    ASSERT_TRUE(sleep_for(second_ns));
    EXPECT_FALSE(ended.load());
    ticker.stop();
    ticker.stop();
    while (!ended.load()) yield();
    EXPECT_EQ(now_ns(), second_ns) << "not at the tick";
    EXPECT_EQ(ticker.wait().error().code, ECANCELED);
    ASSERT_TRUE(sleep_for(5000 * second_ns));
    EXPECT_EQ(ticker.wait().error().code, ECANCELED) << "ticks that come after a stop are none";
  });
}

TEST_P(TickerTest, ResetChangesAWaitThatGoesOnAndForgetsATickThatCame) {
  run([] {
    Ticker ticker(1000);
    std::atomic<os::Nanoseconds> tick_ns = 0;
    ASSERT_TRUE(spawn([&] { tick_ns.store(ticker.wait().value_or(-1)); }));
    ASSERT_TRUE(sleep_until(500));
    ticker.reset(20);
    while (tick_ns.load() == 0) ASSERT_TRUE(sleep_for(1));
    EXPECT_EQ(tick_ns.load(), 520);
    EXPECT_LE(now_ns(), 521) << "the wait that went on has not slept until 1000";
    ASSERT_TRUE(sleep_until(10'000));
    ticker.reset(7);
    EXPECT_EQ(ticker.wait(), 10'007);
    ticker.stop();
    ticker.reset(5);
    EXPECT_EQ(ticker.wait(), 10'012) << "a stopped one starts again";
  });
}

TEST_P(TickerTest, TheRuntimesStopEndsAWait) {
  run([this] {
    ASSERT_TRUE(spawn([] {
      Ticker ticker(2);
      while (ticker.wait()) (void)sleep_for(5);  // always late, yet it learns of the stop
    }));
    ASSERT_TRUE(spawn([] {
      Ticker ticker(1000 * second_ns);
      EXPECT_EQ(ticker.wait().error().code, ECANCELED);
    }));
    while (runtime().statistics().timers_armed < 2) yield();
    runtime().stop();
  });
}

TEST_P(TickerTest, ManyTickersLeaveNoTimerBehind) {
  std::atomic<int> ticks = 0;
  run([&ticks] {
    for (int i = 0; i < 200; ++i) {
      ASSERT_TRUE(spawn([&ticks, i] {
        Ticker ticker(1 + i % 13);
        for (int tick = 0; tick < 50; ++tick) {
          ASSERT_TRUE(ticker.wait());
          ticks.fetch_add(1);
        }
      }));
    }
  });
  EXPECT_EQ(ticks.load(), 200 * 50);
}

TEST_P(TickerTest, StopRacesWithTicksAndLosesNobody) {
  constexpr int rounds = C1M_TSAN ? 100 : 1000;
  run([] {
    for (int i = 0; i < rounds; ++i) {
      Ticker ticker(1);
      std::atomic<bool> ended = false;
      ASSERT_TRUE(spawn([&] {
        while (ticker.wait()) {
        }
        ended.store(true);
      }));
      for (int turn = 0; turn < i % 5; ++turn) ASSERT_TRUE(sleep_for(1));
      ticker.stop();
      while (!ended.load()) yield();
    }
  });
}

}  // namespace
}  // namespace c1m::runtime
