// Buckets cover every value once, percentiles are as near as promised, differences are of one
// interval.
#include "measure/live_histogram.hpp"

#include <vector>

#include <gtest/gtest.h>

#include "loadgen/xoshiro.hpp"

namespace c1m::measure {
namespace {

LiveCounts copy_of(const LiveHistogram& histogram) {
  LiveCounts counts;
  histogram.add_to(counts);
  return counts;
}

TEST(LiveBuckets, EndWithTheirBoundAndBeginAfterTheLast) {
  for (std::size_t index = 0; index + 1 < LiveBuckets::count; ++index) {
    const os::Nanoseconds bound_ns = LiveBuckets::bound_ns(index);
    ASSERT_EQ(LiveBuckets::index_of(bound_ns), index) << bound_ns;
    ASSERT_EQ(LiveBuckets::index_of(bound_ns + 1), index + 1) << bound_ns;
  }
  EXPECT_EQ(LiveBuckets::index_of(0), 0U);
  EXPECT_EQ(LiveBuckets::index_of(INT64_MAX), LiveBuckets::count - 1);
  EXPECT_EQ(LiveBuckets::bound_ns(LiveBuckets::count - 1), os::Nanoseconds{1} << 36);
}

TEST(LiveCounts, PercentilesAreWithinASixteenth) {
  loadgen::Xoshiro256 random(1);
  LiveHistogram histogram;
  std::vector<os::Nanoseconds> values;
  for (int count = 0; count < 10'000; ++count) {
    const unsigned magnitude = random.next_below(20);
    values.push_back(2'000 + static_cast<os::Nanoseconds>(random.next_below(1'000'000) >>
                                                          1U << (magnitude / 2)));
    histogram.record(values.back());
  }
  std::ranges::sort(values);
  const LiveCounts counts = copy_of(histogram);
  EXPECT_EQ(counts.total(), values.size());
  for (const std::size_t rank : {5'000U, 9'000U, 9'900U, 9'990U}) {
    const auto exact = static_cast<double>(values[rank - 1]);
    const auto found =
        static_cast<double>(counts.percentile_ns(static_cast<double>(rank) / 100).value_or(0));
    EXPECT_GE(found, exact) << rank;
    EXPECT_LE(found, exact * (1 + 1.0 / 16) + 1) << rank;
  }
}

TEST(LiveCounts, ShowWhatCameSinceAnEarlierCopy) {
  LiveHistogram histogram;
  histogram.record(5'000'000);
  const LiveCounts before = copy_of(histogram);
  histogram.record(1'000);
  histogram.record(1'000);
  const LiveCounts later = copy_of(histogram);
  EXPECT_EQ(later.since(before).total(), 2U);
  EXPECT_EQ(later.since(before).sum_ns, 2'000U);
  EXPECT_EQ(later.since(before).percentile_ns(100), 1'024);
  EXPECT_EQ(before.since(later).total(), 0U) << "a shard that died takes its counters along";
}

TEST(LiveCounts, NothingHasNoPercentile) {
  EXPECT_EQ(LiveCounts{}.percentile_ns(99), std::nullopt);
}

}  // namespace
}  // namespace c1m::measure
