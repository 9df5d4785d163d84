// The policy: a thread freezes idle stacks by itself when it says so, and what it cannot do is
// refused. No test waits for a freeze that must not come: whether memory is short is a function of
// figures.
#include "runtime/freeze_watch.hpp"

#include <tuple>

#include "runtime/channel.hpp"
#include "runtime/runtime_fixture.hpp"
#include "runtime/sleep.hpp"
#include "runtime/spawn.hpp"

namespace c1m::runtime {
namespace {

class FreezeWatchTest : public RuntimeFixture {
 protected:
  // Until the thread has frozen all, which then answer; then once more.
  void freezes_by_itself(FreezePolicy policy) {
    if (!freezing_works) GTEST_SKIP() << "not with AddressSanitizer";
    set_up({.processors = 2, .stack_bytes = stack_bytes, .freeze = policy});
    Channel<int> numbers;  // outlives all that wait for it
    run([&] {
      constexpr int count = 20;
      for (int i = 0; i < count; ++i) {
        const auto body = [&] {
          for (int turn = 0; turn < 2; ++turn) std::ignore = numbers.receive();
        };
        ASSERT_TRUE(spawn(body, {.stack = StackPolicy::freezable}));
      }
      for (int turn = 0; turn < 2; ++turn) {
        while (runtime().statistics().stacks_frozen < count) {
          std::ignore = sleep_for(10 * os::ns_per_ms);
        }
        for (int i = 0; i < count; ++i) ASSERT_TRUE(numbers.send(i));
      }
    });
  }
};

TEST_F(FreezeWatchTest, IdlenessMayBeEnough) {
  freezes_by_itself({.idle_ns = 50 * os::ns_per_ms, .when = FreezeWhen::always});
}

TEST_F(FreezeWatchTest, OrMoreResidentMemoryThanAllowed) {
  freezes_by_itself(
      {.idle_ns = 50 * os::ns_per_ms, .when = FreezeWhen::above, .resident_bytes = 1});
}

TEST(FreezeWatch, MemoryIsShortWhenTasksWaitForItOrLittleIsLeft) {
  EXPECT_FALSE(FreezeWatch::is_short({.stalled_share = 0, .available_share = 1}));
  EXPECT_FALSE(FreezeWatch::is_short({.stalled_share = 0.009, .available_share = 0.11}));
  EXPECT_TRUE(FreezeWatch::is_short({.stalled_share = 0.01, .available_share = 1}));
  EXPECT_TRUE(FreezeWatch::is_short({.stalled_share = 0, .available_share = 0.09}));
}

TEST(FreezeWatch, APolicyOutsideItsRangesIsRefused) {
  EXPECT_FALSE(Runtime::create({.freeze = {.idle_ns = -1}}));
  EXPECT_FALSE(Runtime::create({.freeze = {.idle_ns = 1, .when = FreezeWhen::above}}));
  EXPECT_TRUE(Runtime::create({.freeze = {.idle_ns = os::ns_per_s}}));
  EXPECT_TRUE(Runtime::create({.freeze = {.idle_ns = freeze_idle_ns_limit - 1}}));
  const auto refused = Runtime::create({.freeze = {.idle_ns = freeze_idle_ns_limit}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, EINVAL);
}

}  // namespace
}  // namespace c1m::runtime
