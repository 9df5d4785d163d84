// The timeline puts requests into their seconds and loses none when it seals, reopens or is cut.
#include "loadgen/load_timeline.hpp"

#include <gtest/gtest.h>

#include "measure/histogram_codec.hpp"

namespace c1m::loadgen {
namespace {

constexpr os::Nanoseconds s = os::ns_per_s;
constexpr measure::LoadWindow window{.start_ns = 100 * s, .end_ns = 103 * s + s / 2};

measure::Histogram latency_of(const measure::TimelineSecond& second) {
  return measure::decode_v2_base64(second.latency_hdr_v2_b64).value();
}

class LoadTimelineTest : public testing::Test {
 protected:
  void SetUp() override { timeline.open(window); }
  LoadTimeline timeline;
};

TEST_F(LoadTimelineTest, SortsRequestsIntoTheirSeconds) {
  timeline.on_sent(100 * s);
  timeline.on_sent(101 * s - 1);
  timeline.on_answered(101 * s - 1, 5'000);
  timeline.on_sent(103 * s);
  timeline.on_answered(103 * s, 7'000);
  const auto seconds = timeline.finish();
  ASSERT_EQ(seconds.size(), 4U);
  EXPECT_EQ(seconds[0].sent, 2U);
  EXPECT_EQ(seconds[0].answered, 1U);
  EXPECT_EQ(latency_of(seconds[0]).count_at_value(5'000), 1U);
  EXPECT_TRUE(latency_of(seconds[1]).empty());
  EXPECT_EQ(latency_of(seconds[3]).count_at_value(7'000), 1U);
}

TEST_F(LoadTimelineTest, SamplesAtTheEndOfEachSecondAndOfTheWindow) {
  EXPECT_EQ(timeline.next_sample_ns(), 101 * s);
  timeline.sample(100 * s + 1, 9, 9);
  EXPECT_EQ(timeline.next_sample_ns(), 101 * s) << "too early to sample";
  timeline.sample(101 * s, 3, 50);
  timeline.sample(103 * s, 4, 40);
  EXPECT_EQ(timeline.next_sample_ns(), window.end_ns) << "the last second is half a one";
  timeline.sample(window.end_ns, 5, 30);
  EXPECT_GT(timeline.next_sample_ns(), 1'000'000 * s);
  const auto seconds = timeline.finish();
  ASSERT_EQ(seconds.size(), 4U);
  EXPECT_EQ(seconds[0].in_flight, 3U);
  EXPECT_EQ(seconds[1].established, 40U);
  EXPECT_EQ(seconds[2].established, 40U);
  EXPECT_EQ(seconds[3].in_flight, 5U);
}

TEST_F(LoadTimelineTest, SealsEndedSecondsOnlyAndOpensThemForLateAnswers) {
  timeline.on_answered(100 * s, 1'000);
  timeline.on_answered(101 * s, 2'000);
  EXPECT_EQ(timeline.open_seconds(), 2U);
  EXPECT_FALSE(timeline.seal_one(101 * s - 1)) << "its second has not ended";
  EXPECT_TRUE(timeline.seal_one(101 * s));
  EXPECT_EQ(timeline.open_seconds(), 1U);
  EXPECT_FALSE(timeline.seal_one(101 * s));
  timeline.on_answered(100 * s, 3'000);
  EXPECT_EQ(timeline.open_seconds(), 2U);
  EXPECT_TRUE(timeline.seal_one(101 * s)) << "it is open again";
  const auto seconds = timeline.finish();
  EXPECT_EQ(seconds[0].answered, 2U);
  EXPECT_EQ(latency_of(seconds[0]).count_at_value(1'000), 1U);
  EXPECT_EQ(latency_of(seconds[0]).count_at_value(3'000), 1U);
}

TEST_F(LoadTimelineTest, CutDropsTheSecondsAfterIt) {
  timeline.on_answered(100 * s, 1'000);
  timeline.sample(102 * s, 1, 1);
  timeline.cut(101 * s + 1);
  EXPECT_EQ(timeline.finish().size(), 2U);
}

TEST_F(LoadTimelineTest, CutSecondIsNoLongerOpen) {
  timeline.on_answered(100 * s, 1'000);
  timeline.on_answered(102 * s, 1'000);
  timeline.cut(101 * s);
  EXPECT_EQ(timeline.open_seconds(), 1U);
  EXPECT_EQ(timeline.finish().size(), 1U);
}

}  // namespace
}  // namespace c1m::loadgen
