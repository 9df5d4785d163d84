// What the flags of precision accept, and what each mistake is told.
#include "loadgen/precision_flags.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace c1m::loadgen {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

constexpr os::Nanoseconds lag_max_ns = os::ns_per_ms;

std::string mistake_of(const PrecisionTexts& texts, bool has_rate = true) {
  FlagReader reader;
  static_cast<void>(read_precision(reader, texts, has_rate, lag_max_ns));
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
  const PrecisionTexts spin{.spin = "20us", .send_slack = "0s"};
  const PrecisionTexts slack{.spin = "0s", .send_slack = "500us"};
  EXPECT_EQ(read_precision(reader, spin, false, lag_max_ns).spin_ns, 20 * os::ns_per_us);
  EXPECT_EQ(read_precision(reader, slack, true, lag_max_ns).slack_ns, 500 * os::ns_per_us);
  EXPECT_THAT(reader.mistake(), IsEmpty());
}

TEST(PrecisionFlags, NamesWhatIsWrong) {
  EXPECT_THAT(mistake_of({.spin = "soon", .send_slack = "0s"}), HasSubstr("--spin: 'soon'"));
  EXPECT_THAT(mistake_of({.spin = "0s", .send_slack = "-1us"}), HasSubstr("--send-slack: '-1us'"));
  EXPECT_THAT(mistake_of({.spin = "0s", .send_slack = "501us"}),
              HasSubstr("--send-slack: '501us' is more than half of --max-send-lag-p99"));
  EXPECT_THAT(mistake_of({.spin = "20us", .send_slack = "20us"}),
              HasSubstr("--send-slack: cannot be together with --spin"));
  EXPECT_THAT(mistake_of({.spin = "0s", .send_slack = "20us"}, false),
              HasSubstr("--send-slack: is for an open loop at a rate (-R)"));
}

TEST(PrecisionFlags, ASlackIsNoLongerThanAWait) {
  FlagReader reader;
  const PrecisionTexts texts{.spin = "0s", .send_slack = "2s"};
  static_cast<void>(read_precision(reader, texts, true, 10 * os::ns_per_s));
  EXPECT_THAT(reader.mistake(), HasSubstr("'2s' is not from 0 to 1 s"));
}

}  // namespace
}  // namespace c1m::loadgen
