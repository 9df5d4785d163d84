// How long a wait is, exactly; and that events, the timer or a tick end it.
#include "loadgen/shard_wait.hpp"

#include <cstdint>
#include <fstream>
#include <memory>
#include <optional>
#include <sstream>
#include <string>

#include <gtest/gtest.h>

#include "loadgen/traffic.hpp"
#include "measure/live_histogram.hpp"
#include "measure/loop_meter.hpp"
#include "os/clock.hpp"
#include "os/timer_fixture.hpp"
#include "os/wake_event.hpp"

namespace c1m::loadgen {
namespace {

using os::monotonic_ns;
using os::Nanoseconds;
using os::ns_per_ms;

constexpr Nanoseconds far_ns = 3'000 * os::ns_per_s;
constexpr std::uint64_t event_tag = 7;

TEST(WaitLength, IsUntilTheFirstOfBoth) {
  EXPECT_EQ(wait_length_ns({}, 1'500, 1'700, 1'000), 500);
  EXPECT_EQ(wait_length_ns({}, 1'700, 1'500, 1'000), 500);
  EXPECT_EQ(wait_length_ns({}, never_ns, 1'500, 1'000), 500);
  EXPECT_EQ(wait_length_ns({}, 1'500, never_ns, 1'000), 500);
}

TEST(WaitLength, IsNothingWhenEitherIsDue) {
  for (const Nanoseconds due_ns : {0, 999, 1'000}) {
    EXPECT_EQ(wait_length_ns({}, due_ns, never_ns, 1'000), 0) << due_ns;
    EXPECT_EQ(wait_length_ns({.slack_ns = 50}, due_ns, never_ns, 1'000), 0) << due_ns;
    EXPECT_EQ(wait_length_ns({.slack_ns = 50}, never_ns, due_ns, 1'000), 0) << due_ns;
  }
}

TEST(WaitLength, SlackIsForRequestsAlone) {
  constexpr SendPrecision slack{.slack_ns = 300};
  EXPECT_EQ(wait_length_ns(slack, 1'500, never_ns, 1'000), 800);
  EXPECT_EQ(wait_length_ns(slack, never_ns, 1'500, 1'000), 500);
  EXPECT_EQ(wait_length_ns(slack, 1'500, 1'600, 1'000), 600);
}

TEST(WaitLength, SpinningBeginsSoLongBeforeEither) {
  constexpr SendPrecision spin{.spin_ns = 200};
  EXPECT_EQ(wait_length_ns(spin, 1'500, never_ns, 1'000), 300);
  EXPECT_EQ(wait_length_ns(spin, never_ns, 1'500, 1'000), 300);
  EXPECT_EQ(wait_length_ns(spin, 1'200, never_ns, 1'000), 0);
}

TEST(WaitLength, IsASecondAtMost) {
  EXPECT_EQ(wait_length_ns({}, never_ns, never_ns, 1'000), os::ns_per_s);
  EXPECT_EQ(wait_length_ns({.slack_ns = far_ns}, 1'500, never_ns, 1'000), os::ns_per_s);
  EXPECT_EQ(wait_length_ns({.spin_ns = 200}, never_ns, never_ns, 1'000), os::ns_per_s);
}

class ShardWaitTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(poller_.add(event_.descriptor(), EPOLLIN | EPOLLET, event_tag));
  }

  ShardWait make(SendPrecision precision, measure::LoopPauses* pauses = nullptr) {
    meter_.emplace(pauses, ns_per_ms);
    return std::move(*ShardWait::create(clock_, poller_, *meter_, precision));
  }

  // How long the timer of the wait still runs; it is what the poller watches beside the event.
  [[nodiscard]] Nanoseconds timer_left_ns() const {
    std::ifstream info("/proc/self/fdinfo/" + std::to_string(poller_.descriptor()));
    for (std::string line; std::getline(info, line);) {
      std::istringstream fields(line);
      std::string name;
      int descriptor = -1;
      fields >> name >> descriptor;
      const bool is_watched = fields && name == "tfd:";
      if (is_watched && descriptor != event_.descriptor()) return os::timer_left_ns(descriptor);
    }
    ADD_FAILURE() << "the poller watches no timer";
    return 0;
  }

  os::MonotonicClock clock_;
  os::Poller poller_ = std::move(*os::Poller::create());
  os::WakeEvent event_ = std::move(*os::WakeEvent::create());
  std::optional<measure::LoopMeter> meter_;
};

TEST_F(ShardWaitTest, LastsUntilARequestIsDue) {
  ShardWait wait = make({});
  const Nanoseconds due_ns = monotonic_ns() + 20 * ns_per_ms;
  while (monotonic_ns() < due_ns) EXPECT_TRUE(wait.until(due_ns, never_ns).empty());
  EXPECT_TRUE(wait.until(due_ns, never_ns).empty()) << "due: it only looks";
}

TEST_F(ShardWaitTest, AnEventEndsItAndTheTimerStaysForTheNextWait) {
  ShardWait wait = make({});
  event_.signal();
  const auto events = wait.until(never_ns, monotonic_ns() + far_ns);
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(std::uint64_t{events[0].data.u64}, event_tag);
  EXPECT_GT(timer_left_ns(), 0);
  EXPECT_LE(timer_left_ns(), os::ns_per_s);
}

TEST_F(ShardWaitTest, AnEventIsSeenWhenSomethingIsDueToo) {
  ShardWait wait = make({});
  EXPECT_TRUE(wait.until(never_ns, 0).empty());
  event_.signal();
  EXPECT_EQ(wait.until(never_ns, 0).size(), 1U);
  EXPECT_EQ(timer_left_ns(), 0) << "it was never set";
}

// It ends its waits by a timeout, or it would take the end of an old timer for its tick.
TEST_F(ShardWaitTest, AMeterThatIsOnSeesEachTick) {
  const auto pauses = std::make_unique<measure::LoopPauses>();
  ShardWait wait = make({}, pauses.get());
  event_.signal();
  EXPECT_EQ(wait.until(never_ns, monotonic_ns() + far_ns).size(), 1U);
  EXPECT_EQ(timer_left_ns(), 0) << "it was never set";
  for (int tick = 0; tick < 3; ++tick)
    EXPECT_TRUE(wait.until(never_ns, monotonic_ns() + far_ns).empty());
  measure::LiveCounts delays;
  pauses->delay_ns.add_to(delays);
  EXPECT_GE(delays.total(), 3U) << "each lasted the tick that it had promised";
}

}  // namespace
}  // namespace c1m::loadgen
