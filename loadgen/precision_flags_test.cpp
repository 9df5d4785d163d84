// What the flags of precision accept, and what each mistake is told.
#include "loadgen/precision_flags.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace c1m::loadgen {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

constexpr os::Nanoseconds lag_max_ns = os::ns_per_ms;

std::string mistake_of(const PrecisionTexts& texts, bool is_open_loop = true) {
  FlagReader reader;
  static_cast<void>(read_precision(reader, texts, is_open_loop, lag_max_ns));
  return reader.mistake();
}

TEST(PrecisionFlags, SleepsUntilTheMomentByDefault) {
  FlagReader reader;
  const SendPrecision precision = read_precision(reader, {}, false, lag_max_ns);
  EXPECT_THAT(reader.mistake(), IsEmpty());
  EXPECT_EQ(precision.spin_ns, 0);
  EXPECT_EQ(precision.slack_ns, 0);
}

TEST(PrecisionFlags, ReadsEach) {
  FlagReader reader;
  EXPECT_EQ(read_precision(reader, {.spin = "20us", .timer_slack = ""}, true, lag_max_ns).spin_ns,
            20 * os::ns_per_us);
  EXPECT_EQ(read_precision(reader, {.timer_slack = "100us"}, true, lag_max_ns).slack_ns,
            100 * os::ns_per_us);
  EXPECT_EQ(read_precision(reader, {.timer_slack = "1ms"}, true, lag_max_ns).slack_ns, lag_max_ns);
  EXPECT_THAT(reader.mistake(), IsEmpty());
}

TEST(PrecisionFlags, NamesWhatIsWrong) {
  EXPECT_THAT(mistake_of({.spin = "soon", .timer_slack = ""}), HasSubstr("--spin: 'soon'"));
  EXPECT_THAT(mistake_of({.timer_slack = "-1us"}), HasSubstr("--timer-slack: '-1us'"));
  EXPECT_THAT(mistake_of({.timer_slack = "1001us"}),
              HasSubstr("--timer-slack: '1001us' is more than --max-send-lag-p99 allows"));
  EXPECT_THAT(mistake_of({.spin = "20us", .timer_slack = "20us"}),
              HasSubstr("--timer-slack: cannot be together with --spin"));
  EXPECT_THAT(mistake_of({.timer_slack = "20us"}, false),
              HasSubstr("--timer-slack: only an open loop (-R)"));
}

}  // namespace
}  // namespace c1m::loadgen
