// Reading and comparing copies; see live_histogram.hpp.
#include "measure/live_histogram.hpp"

#include <cmath>
#include <numeric>

namespace c1m::measure {

std::uint64_t LiveCounts::total() const {
  return std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
}

LiveCounts LiveCounts::since(const LiveCounts& earlier) const {
  LiveCounts difference;
  for (std::size_t at = 0; at < counts.size(); ++at) {
    difference.counts[at] = counts[at] - std::min(earlier.counts[at], counts[at]);
  }
  difference.sum_ns = sum_ns - std::min(earlier.sum_ns, sum_ns);
  return difference;
}

std::optional<os::Nanoseconds> LiveCounts::percentile_ns(double percentile) const {
  const std::uint64_t all = total();
  if (all == 0) return std::nullopt;
  const auto rank = std::max<std::uint64_t>(
      1, static_cast<std::uint64_t>(std::ceil(percentile / 100 * static_cast<double>(all))));
  std::uint64_t seen = 0;
  std::size_t at = 0;
  for (; at + 1 < counts.size(); ++at) {
    seen += counts[at];
    if (seen >= rank) break;
  }
  return LiveBuckets::bound_ns(at);
}

void LiveHistogram::add_to(LiveCounts& sum) const {
  for (std::size_t at = 0; at < counts_.size(); ++at) {
    sum.counts[at] += counts_[at].load(std::memory_order_relaxed);
  }
  sum.sum_ns += sum_ns_.load(std::memory_order_relaxed);
}

}  // namespace c1m::measure
