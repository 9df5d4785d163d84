// The counters behind histogram.hpp and the figures drawn from them.
#include "measure/histogram.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

namespace c1m::measure {
namespace {

constexpr std::uint64_t count_max = std::numeric_limits<std::int64_t>::max();

static_assert(Histogram::index_of(std::numeric_limits<std::int64_t>::max()) + 1 ==
              Histogram::counter_count_max);
static_assert(Histogram::index_of(-1) >= Histogram::counter_count_max);
static_assert(Histogram::index_of(std::numeric_limits<std::int64_t>::min()) >=
              Histogram::counter_count_max);

std::size_t round_up(std::size_t value, std::size_t step) {
  return (value + step - 1) / step * step;
}

// The step of a percentile curve that follows the one at `percentile` < 100.
double next_percentile(double percentile, unsigned ticks_per_half_distance) {
  const double halvings = std::log(100 / (100.0 - percentile)) / std::numbers::ln2;
  const double next = percentile + 100.0 / (ticks_per_half_distance * std::pow(2, halvings + 1));
  // So near to 100 that a double cannot tell the next step from this one: only 100 itself is left.
  return next > percentile ? next : 100;
}

}  // namespace

ValueRange Histogram::range_of(std::size_t index) {
  C1M_ASSERT(index < counter_count_max, "a counter's index is below counter_count_max");
  // The first sub_bucket_count counters have width 1; of later powers of two only the upper half of
  // the sub-buckets exists, since the lower half is the power before.
  const std::size_t half = index / sub_bucket_half_count;
  const std::size_t shift = half < 2 ? 0 : half - 1;
  const std::uint64_t lowest = static_cast<std::uint64_t>(index - shift * sub_bucket_half_count)
                               << shift;
  const std::uint64_t highest = lowest + (std::uint64_t{1} << shift) - 1;
  return {static_cast<std::int64_t>(lowest), static_cast<std::int64_t>(highest)};
}

void Histogram::record(std::int64_t value, std::uint64_t count) {
  C1M_ASSERT(count <= count_max - count_, "the sum of all counts stays below 2^63");
  const std::size_t index = index_of(value);
  if (index >= counts_.size()) grow_to(value);
  counts_[index] += count;
  count_ += count;
}

void Histogram::merge(const Histogram& other) {
  C1M_ASSERT(other.count_ <= count_max - count_, "the sum of all counts stays below 2^63");
  if (other.counts_.size() > counts_.size()) counts_.resize(other.counts_.size());
  for (std::size_t index = 0; index < other.counts_.size(); ++index) {
    counts_[index] += other.counts_[index];
  }
  count_ += other.count_;
}

void Histogram::grow_to(std::int64_t highest_value) {
  C1M_ASSERT(highest_value >= 0, "recorded values are not negative");
  const std::size_t size = round_up(index_of(highest_value) + 1, sub_bucket_half_count);
  if (size <= counts_.size()) return;
  counts_.reserve(size);  // resize() alone may double the capacity
  counts_.resize(size);
}

void Histogram::clear() {
  std::ranges::fill(counts_, 0);
  count_ = 0;
}

std::int64_t Histogram::min() const {
  const auto first = std::ranges::find_if(counts_, [](std::uint64_t count) { return count != 0; });
  return first == counts_.end()
             ? 0
             : range_of(static_cast<std::size_t>(first - counts_.begin())).lowest;
}

std::int64_t Histogram::max() const {
  for (std::size_t index = counts_.size(); index-- > 0;) {
    if (counts_[index] != 0) return range_of(index).highest;
  }
  return 0;
}

double Histogram::mean() const {
  if (empty()) return 0;
  double sum = 0;
  for_each_recorded([&](const RecordedBucket& bucket) {
    sum += static_cast<double>(bucket.values.middle()) * static_cast<double>(bucket.count);
  });
  return sum / static_cast<double>(count_);
}

double Histogram::stddev() const {
  if (empty()) return 0;
  const double center = mean();
  double squares = 0;
  for_each_recorded([&](const RecordedBucket& bucket) {
    const double distance = static_cast<double>(bucket.values.middle()) - center;
    squares += distance * distance * static_cast<double>(bucket.count);
  });
  return std::sqrt(squares / static_cast<double>(count_));
}

std::int64_t Histogram::value_at_percentile(double percentile) const {
  C1M_ASSERT(percentile >= 0, "a percentile is 0 or more, and a number");
  if (empty()) return 0;
  if (percentile == 0) return min();
  const double rank = std::min(percentile, 100.0) * static_cast<double>(count_) / 100 + 0.5;
  // Above 2^53 a double may round the rank past the last value.
  const std::uint64_t target =
      std::clamp<std::uint64_t>(static_cast<std::uint64_t>(rank), 1, count_);
  std::uint64_t cumulative_count = 0;
  std::size_t index = 0;
  while ((cumulative_count += counts_[index]) < target) ++index;
  return range_of(index).highest;
}

std::uint64_t Histogram::count_at_value(std::int64_t value) const {
  C1M_ASSERT(value >= 0, "recorded values are not negative");
  const std::size_t index = index_of(value);
  return index < counts_.size() ? counts_[index] : 0;
}

std::int64_t Histogram::highest_trackable_value() const {
  if (counts_.empty()) return highest_trackable_value_min;
  return std::max(highest_trackable_value_min, range_of(counts_.size() - 1).highest);
}

std::size_t Histogram::bucket_count() const {
  return (index_of(highest_trackable_value()) + 1) / sub_bucket_half_count - 1;
}

std::vector<PercentileStep> Histogram::percentile_steps(unsigned ticks_per_half_distance) const {
  C1M_ASSERT(ticks_per_half_distance > 0, "a percentile curve has steps");
  std::vector<PercentileStep> steps;
  double level = 0;
  for_each_recorded([&](const RecordedBucket& bucket) {
    const double reached =
        100.0 * static_cast<double>(bucket.cumulative_count) / static_cast<double>(count_);
    const bool last = bucket.cumulative_count == count_;
    // One bucket may reach many levels; of the last only the first level and 100 itself are told.
    while (level <= reached && level < 100) {
      steps.push_back({bucket.values.highest, level, bucket.cumulative_count});
      level = next_percentile(level, ticks_per_half_distance);
      if (last) break;
    }
    if (last) steps.push_back({bucket.values.highest, 100, count_});
  });
  return steps;
}

bool operator==(const Histogram& left, const Histogram& right) {
  if (left.count_ != right.count_) return false;
  const auto& shorter = left.counts_.size() < right.counts_.size() ? left.counts_ : right.counts_;
  const auto& longer = left.counts_.size() < right.counts_.size() ? right.counts_ : left.counts_;
  // The sums agree, so that equal beginnings leave only zeros in the rest.
  return std::equal(shorter.begin(), shorter.end(), longer.begin());
}

}  // namespace c1m::measure
