// An alarm comes once and on time; a delayed call is made or cancelled, never both. In virtual
// time, so every figure is exact.
#include "runtime/alarm.hpp"

#include <atomic>

#include "runtime/runtime_fixture.hpp"
#include "runtime/sleep.hpp"
#include "runtime/spawn.hpp"
#include "runtime/virtual_clock.hpp"
#include "runtime/yield.hpp"

namespace c1m::runtime {
namespace {

class AlarmTest : public RuntimeTest {
 protected:
  VirtualClock* clock() override { return &clock_; }

  VirtualClock clock_;
};
C1M_FOR_ALL_PROCESSOR_COUNTS(AlarmTest);

TEST_P(AlarmTest, ComesOnceAtItsTime) {
  run([] {
    Alarm alarm(500);
    EXPECT_EQ(alarm.wait(), 500);
    EXPECT_EQ(now_ns(), 500);
    EXPECT_FALSE(alarm.stop()) << "it has been taken";
    EXPECT_FALSE(alarm.reset(100)) << "nor was one to come";
    ASSERT_TRUE(sleep_for(1000));
    EXPECT_EQ(alarm.wait(), 600) << "kept until it is taken";
    Alarm at_once(-5);
    EXPECT_EQ(at_once.wait(), 1500);
  });
}

TEST_P(AlarmTest, StopAndResetEndOrMoveAWait) {
  run([] {
    Alarm alarm(os::ns_per_s);
    std::atomic<os::Nanoseconds> came_ns = 0;
    ASSERT_TRUE(spawn([&] {
      EXPECT_EQ(alarm.wait(), 70);
      came_ns.store(now_ns());
      EXPECT_EQ(alarm.wait().error().code, ECANCELED) << "taken: only a stop ends this";
      came_ns.store(-1);
    }));
    ASSERT_TRUE(sleep_until(20));
    EXPECT_TRUE(alarm.reset(50));
    ASSERT_TRUE(sleep_until(2 * os::ns_per_s));
    EXPECT_EQ(came_ns.load(), 70);
    EXPECT_FALSE(alarm.stop());
    while (came_ns.load() != -1) yield();
  });
}

TEST_P(AlarmTest, ManyAreSetAndStoppedWithoutATimer) {
  run([this] {
    for (int i = 0; i < 10'000; ++i) {
      Alarm alarm(1000 + i);
      EXPECT_TRUE(alarm.stop());
      EXPECT_FALSE(alarm.stop());
    }
    EXPECT_EQ(runtime().statistics().timers_armed, 0U);
    EXPECT_EQ(now_ns(), 0);
  });
}

TEST_P(AlarmTest, ADelayedCallIsMadeAtItsTime) {
  std::atomic<os::Nanoseconds> called_ns = 0;
  run([&called_ns] {
    auto call = call_after(250, [&called_ns] { called_ns.store(now_ns()); });
    ASSERT_TRUE(call);
    ASSERT_TRUE(sleep_until(300));
    EXPECT_FALSE(call->cancel()) << "too late";
  });
  EXPECT_EQ(called_ns.load(), 250);
}

TEST_P(AlarmTest, ACancelledCallIsNeverMadeAndHoldsNothingUp) {
  run([] {
    auto call = call_after(3600 * os::ns_per_s, [] { ADD_FAILURE() << "it was cancelled"; });
    ASSERT_TRUE(call);
    ASSERT_TRUE(sleep_for(10));
    EXPECT_TRUE(call->cancel());
    EXPECT_FALSE(call->cancel());
  });
  EXPECT_EQ(clock_.now_ns(), 10) << "run() has not waited for the time of the call";
}

TEST_P(AlarmTest, ACallIsEitherMadeOrCancelled) {
  constexpr int calls = C1M_TSAN ? 200 : 2000;
  std::atomic<int> made = 0;
  int cancelled = 0;
  run([&] {
    for (int i = 0; i < calls; ++i) {
      auto call = call_after(i % 3, [&made] { made.fetch_add(1); });
      ASSERT_TRUE(call);
      if (i % 2 == 0) {
        ASSERT_TRUE(sleep_for(i % 4));
      }
      if (call->cancel()) ++cancelled;
    }
  });
  EXPECT_EQ(made.load() + cancelled, calls);
  EXPECT_GT(made.load(), 0);
  EXPECT_GT(cancelled, 0);
}

TEST_P(AlarmTest, TheRuntimesStopCancelsCalls) {
  run([this] {
    ASSERT_TRUE(call_after(100, [] { ADD_FAILURE() << "stopped before"; }));
    while (runtime().statistics().timers_armed < 1) yield();
    runtime().stop();
  });
}

}  // namespace
}  // namespace c1m::runtime
