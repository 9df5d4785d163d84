// Histogram against brute force over the raw values, sorted: nothing here uses the histogram's own
// layout to say what is expected. The other oracle, the published Python package, is in
// histogram_oracle_test.py.
#include "measure/histogram.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "measure/histogram_samples.hpp"

namespace c1m::measure {
namespace {

constexpr std::int64_t int64_max = std::numeric_limits<std::int64_t>::max();

Histogram recorded(const std::vector<std::int64_t>& values) {
  Histogram histogram;
  for (const std::int64_t value : values) histogram.record(value);
  return histogram;
}

// The width of a bucket by its definition: the smallest power of two of which `value` has less than
// 2048.
std::int64_t width_at(std::int64_t value) {
  std::int64_t width = 1;
  while (value / width >= 2048) width *= 2;
  return width;
}

std::int64_t lowest_equivalent(std::int64_t value) {
  return value / width_at(value) * width_at(value);
}
std::int64_t highest_equivalent(std::int64_t value) {
  return lowest_equivalent(value) + (width_at(value) - 1);
}

std::int64_t sorted_value_at(const std::vector<std::int64_t>& sorted, double percentile) {
  const auto rank = static_cast<std::size_t>(
      std::floor(percentile / 100 * static_cast<double>(sorted.size()) + 0.5));
  return sorted[std::clamp<std::size_t>(rank, 1, sorted.size()) - 1];
}

TEST(HistogramLayout, BucketsTileEveryValueWithThreeDigits) {
  std::int64_t next = 0;
  for (std::size_t index = 0; index < Histogram::counter_count_max; ++index) {
    const ValueRange range = Histogram::range_of(index);
    ASSERT_EQ(range.lowest, next) << "index " << index;
    ASSERT_GE(range.highest, range.lowest) << "index " << index;
    ASSERT_LE(range.highest - range.lowest, range.lowest / 1000) << "index " << index;
    ASSERT_EQ(Histogram::index_of(range.lowest), index);
    ASSERT_EQ(Histogram::index_of(range.highest), index);
    next = static_cast<std::int64_t>(static_cast<std::uint64_t>(range.highest) + 1);
  }
  EXPECT_EQ(next, std::numeric_limits<std::int64_t>::min()) << "the last bucket ends at 2^63 - 1";
}

TEST(HistogramLayout, MiddleOfABucketIsRoundedUp) {
  EXPECT_EQ((ValueRange{7, 7}.middle()), 7);
  EXPECT_EQ((ValueRange{2048, 2049}.middle()), 2049);
  EXPECT_EQ((ValueRange{4096, 4099}.middle()), 4098);
}

TEST(Histogram, EmptyIsSmallAndAllZero) {
  const Histogram histogram;
  EXPECT_EQ(sizeof(histogram), 32U);
  EXPECT_EQ(histogram.heap_bytes(), 0U);
  EXPECT_TRUE(histogram.empty());
  EXPECT_EQ(histogram.count(), 0U);
  EXPECT_EQ(histogram.min(), 0);
  EXPECT_EQ(histogram.max(), 0);
  EXPECT_EQ(histogram.mean(), 0);
  EXPECT_EQ(histogram.stddev(), 0);
  EXPECT_EQ(histogram.value_at_percentile(99), 0);
  EXPECT_EQ(histogram.count_at_value(5), 0U);
  EXPECT_TRUE(histogram.percentile_steps(5).empty());
  EXPECT_EQ(histogram.highest_trackable_value(), (std::int64_t{1} << 42) - 1);
  EXPECT_EQ(histogram.bucket_count(), 32U);
}

TEST(Histogram, GrowsInStepsToWhatIsRecorded) {
  struct Growth {
    std::int64_t value;
    std::size_t heap_kib;
  };
  Histogram grown;
  for (const auto& [value, heap_kib] :
       {Growth{0, 8}, Growth{1023, 8}, Growth{1024, 16}, Growth{2048, 24}, Growth{1'000'000, 88},
        Growth{1'000'000'000, 168}, Growth{(std::int64_t{1} << 42) - 1, 264},
        Growth{int64_max, 432}}) {
    Histogram histogram;
    histogram.record(value);
    grown.record(value);
    EXPECT_EQ(histogram.heap_bytes(), heap_kib * 1024) << "after " << value;
    EXPECT_EQ(grown.heap_bytes(), heap_kib * 1024) << "after all values up to " << value;
    EXPECT_EQ(histogram.count_at_value(value), 1U);
    EXPECT_GE(histogram.highest_trackable_value(), value);
  }
}

TEST(Histogram, GrowingFirstLeavesNothingToAllocate) {
  Histogram histogram;
  histogram.grow_to(1'000'000);
  const std::size_t before = histogram.heap_bytes();
  histogram.record(1'000'000);
  histogram.record(3);
  histogram.grow_to(5);
  EXPECT_EQ(histogram.heap_bytes(), before);
  EXPECT_EQ(histogram.count_at_value(1'000'000), 1U);
  EXPECT_EQ(before, 88U * 1024);
}

TEST(Histogram, LargestValueKeepsItsPlace) {
  Histogram histogram;
  histogram.record(int64_max);
  EXPECT_EQ(histogram.max(), int64_max);
  EXPECT_EQ(histogram.min(), int64_max - (std::int64_t{1} << 52) + 1);
  EXPECT_EQ(histogram.highest_trackable_value(), int64_max);
  EXPECT_EQ(histogram.bucket_count(), 53U);
}

class HistogramOfRandomValues : public testing::TestWithParam<std::size_t> {
 protected:
  void SetUp() override {
    distribution_ = distributions()[GetParam()];
    for (const std::size_t count : {1U, 2U, 7U, 1000U, 20'000U}) {
      samples_.push_back(draw_values(distribution_, count, Seed{seed_.value + count}));
    }
  }

  [[nodiscard]] std::string trace(const std::vector<std::int64_t>& values) const {
    return std::string(distribution_.name) + ", " + std::to_string(values.size()) +
           " values, replay with " + seed_.replay();
  }

  Seed seed_;
  Distribution distribution_;
  std::vector<std::vector<std::int64_t>> samples_;
};

TEST_P(HistogramOfRandomValues, PercentilesAreThoseOfTheSortedValues) {
  for (const auto& values : samples_) {
    SCOPED_TRACE(trace(values));
    const Histogram histogram = recorded(values);
    std::vector<std::int64_t> sorted = values;
    std::ranges::sort(sorted);
    ASSERT_EQ(histogram.count(), sorted.size());
    ASSERT_EQ(histogram.min(), lowest_equivalent(sorted.front()));
    ASSERT_EQ(histogram.max(), highest_equivalent(sorted.back()));
    ASSERT_EQ(histogram.value_at_percentile(0), histogram.min());
    for (const double percentile : {0.001, 1.0, 10.0, 25.0, 33.3, 50.0, 75.0, 90.0, 95.0, 99.0,
                                    99.9, 99.99, 99.9999, 100.0}) {
      ASSERT_EQ(histogram.value_at_percentile(percentile),
                highest_equivalent(sorted_value_at(sorted, percentile)))
          << "percentile " << percentile;
    }
    ASSERT_EQ(histogram.value_at_percentile(250), histogram.max());
  }
}

TEST_P(HistogramOfRandomValues, MeanAndDeviationAreWithinTheQuantization) {
  for (const auto& values : samples_) {
    SCOPED_TRACE(trace(values));
    const Histogram histogram = recorded(values);
    long double sum = 0;
    for (const std::int64_t value : values) sum += static_cast<long double>(value);
    const long double mean = sum / static_cast<long double>(values.size());
    long double squares = 0;
    long double deviations = 0;
    for (const std::int64_t value : values) {
      squares += static_cast<long double>(value) * static_cast<long double>(value);
      deviations +=
          (static_cast<long double>(value) - mean) * (static_cast<long double>(value) - mean);
    }
    const auto count = static_cast<long double>(values.size());
    // Half a bucket is at most 1/2048 of a value; the deviation moves by no more than the root mean
    // square of what the values move by.
    constexpr long double half_bucket = 1.0L / 2048;
    constexpr long double rounding = 1e-9L;
    ASSERT_NEAR(histogram.mean(), static_cast<double>(mean),
                static_cast<double>(mean * (half_bucket + rounding)));
    ASSERT_NEAR(histogram.stddev(), static_cast<double>(std::sqrt(deviations / count)),
                static_cast<double>(std::sqrt(squares / count) * (half_bucket + rounding)));
  }
}

TEST_P(HistogramOfRandomValues, MergedPartsEqualTheWhole) {
  for (const auto& values : samples_) {
    SCOPED_TRACE(trace(values));
    std::vector<Histogram> shards(3);
    for (std::size_t i = 0; i < values.size(); ++i) shards[i % 3].record(values[i]);
    Histogram forward;
    for (const Histogram& shard : shards) forward.merge(shard);
    Histogram backward = shards[2];
    backward.merge(shards[1]);
    backward.merge(shards[0]);
    const Histogram whole = recorded(values);
    ASSERT_EQ(forward, whole);
    ASSERT_EQ(backward, whole);
    ASSERT_EQ(forward.count(), values.size());
  }
}

TEST_P(HistogramOfRandomValues, RecordedBucketsHoldEveryValueOnce) {
  for (const auto& values : samples_) {
    SCOPED_TRACE(trace(values));
    std::vector<std::int64_t> sorted = values;
    std::ranges::sort(sorted);
    std::size_t seen = 0;
    recorded(values).for_each_recorded([&](const RecordedBucket& bucket) {
      ASSERT_LT(seen, sorted.size());
      ASSERT_EQ(bucket.values.lowest, lowest_equivalent(sorted[seen]));
      ASSERT_EQ(bucket.values.highest, highest_equivalent(sorted[seen]));
      const auto end = std::ranges::upper_bound(sorted, bucket.values.highest);
      ASSERT_EQ(bucket.cumulative_count, static_cast<std::size_t>(end - sorted.begin()));
      ASSERT_EQ(bucket.count, bucket.cumulative_count - seen);
      seen = static_cast<std::size_t>(bucket.cumulative_count);
    });
    ASSERT_EQ(seen, sorted.size());
  }
}

TEST_P(HistogramOfRandomValues, PercentileStepsClimbToOneHundred) {
  for (const auto& values : samples_) {
    SCOPED_TRACE(trace(values));
    std::vector<std::int64_t> sorted = values;
    std::ranges::sort(sorted);
    const std::vector<PercentileStep> steps = recorded(values).percentile_steps(5);
    ASSERT_GE(steps.size(), 2U);
    ASSERT_EQ(steps.front().percentile, 0);
    ASSERT_EQ(steps.front().value, highest_equivalent(sorted.front()));
    ASSERT_EQ(steps.back().percentile, 100);
    ASSERT_EQ(steps.back().value, highest_equivalent(sorted.back()));
    for (std::size_t i = 0; i < steps.size(); ++i) {
      const auto below = std::ranges::upper_bound(sorted, steps[i].value) - sorted.begin();
      ASSERT_EQ(steps[i].cumulative_count, static_cast<std::size_t>(below));
      ASSERT_GE(static_cast<double>(below) * 100 / static_cast<double>(sorted.size()),
                steps[i].percentile);
      if (i > 0) {
        ASSERT_GT(steps[i].percentile, steps[i - 1].percentile);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Distributions, HistogramOfRandomValues,
                         testing::Range(std::size_t{0}, std::size_t{8}));

TEST(Histogram, PercentileStepsHalveTheirDistance) {
  Histogram histogram;
  for (int i = 0; i < 1'000'000; ++i) histogram.record(i % 1000);
  const std::vector<PercentileStep> steps = histogram.percentile_steps(1);
  // One step for each half of what remains: 0, 50, 75, 87.5, ...
  ASSERT_GE(steps.size(), 5U);
  EXPECT_DOUBLE_EQ(steps[1].percentile, 50);
  EXPECT_EQ(steps[1].value, 499);
  EXPECT_DOUBLE_EQ(steps[2].percentile, 75);
  EXPECT_EQ(steps[2].value, 749);
  EXPECT_DOUBLE_EQ(steps[3].percentile, 87.5);
  EXPECT_EQ(steps[3].value, 874);
}

TEST(Histogram, PercentileStepsEndEvenWhenADoubleCannotTellTheLevelsApart) {
  Histogram histogram;
  histogram.record(1, std::uint64_t{1} << 62);
  histogram.record(2, 1);
  const std::vector<PercentileStep> steps = histogram.percentile_steps(100);
  EXPECT_EQ(steps.back().percentile, 100);
  EXPECT_EQ(steps.back().value, 2);
  EXPECT_LT(steps.size(), 100U * 64);
}

TEST(Histogram, RanksAreRoundedHalfUp) {
  Histogram histogram;
  for (const int value : {10, 20, 30}) histogram.record(value);
  EXPECT_EQ(histogram.value_at_percentile(16.6), 10);  // rank 0.498, and at least 1
  EXPECT_EQ(histogram.value_at_percentile(49.9), 10);  // rank 1.497
  EXPECT_EQ(histogram.value_at_percentile(50), 20);    // rank 1.5
  EXPECT_EQ(histogram.value_at_percentile(83.3), 20);  // rank 2.499
  EXPECT_EQ(histogram.value_at_percentile(83.4), 30);  // rank 2.502
}

TEST(Histogram, PercentilesStayInRangeAboveThePrecisionOfADouble) {
  Histogram histogram;
  histogram.record(1, static_cast<std::uint64_t>(int64_max) - 1);
  histogram.record(9, 1);
  EXPECT_EQ(histogram.value_at_percentile(100), 9);
  EXPECT_EQ(histogram.value_at_percentile(50), 1);
}

TEST(Histogram, RecordingACountIsRecordingThatOften) {
  Histogram once;
  Histogram often;
  once.record(777'777, 1000);
  once.record(5, 0);
  for (int i = 0; i < 1000; ++i) often.record(777'777);
  EXPECT_EQ(once, often);
  EXPECT_EQ(once.min(), often.min());
}

TEST(Histogram, ClearingKeepsTheMemoryAndNothingElse) {
  Histogram histogram;
  histogram.record(1'000'000);
  histogram.clear();
  EXPECT_EQ(histogram, Histogram());
  EXPECT_EQ(histogram.count_at_value(1'000'000), 0U);
  EXPECT_EQ(histogram.heap_bytes(), 88U * 1024);
}

TEST(Histogram, EqualityIsThatOfTheRecordedValues) {
  Histogram one;
  Histogram other;
  one.record(100);
  other.record(101);
  EXPECT_FALSE(one == other);
  one.record(101);
  other.record(100);
  EXPECT_EQ(one, other);
  other.grow_to(1'000'000);
  EXPECT_EQ(one, other);
  EXPECT_EQ(other, one);
  other.record(1'000'000);
  EXPECT_FALSE(one == other);
  EXPECT_FALSE(other == one);
}

TEST(HistogramDeathTest, ProgrammerErrorsAbort) {
  Histogram histogram;
  histogram.record(1, static_cast<std::uint64_t>(int64_max));
  Histogram other;
  other.record(1);
  EXPECT_DEATH(other.record(-1), "not negative");
  EXPECT_DEATH(other.record(std::numeric_limits<std::int64_t>::min(), 1), "not negative");
  EXPECT_DEATH((void)other.count_at_value(-1), "not negative");
  EXPECT_DEATH(histogram.record(1, 1), "below 2\\^63");
  EXPECT_DEATH(histogram.merge(other), "below 2\\^63");
  EXPECT_DEATH((void)other.value_at_percentile(std::numeric_limits<double>::quiet_NaN()),
               "a number");
  EXPECT_DEATH((void)other.value_at_percentile(-0.1), "0 or more");
  EXPECT_DEATH((void)other.percentile_steps(0), "has steps");
  EXPECT_DEATH((void)Histogram::range_of(Histogram::counter_count_max), "counter_count_max");
}

}  // namespace
}  // namespace c1m::measure
