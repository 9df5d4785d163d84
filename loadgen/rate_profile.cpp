// Integrals of straight lines and their inverses; see rate_profile.hpp.
#include "loadgen/rate_profile.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "os/assert.hpp"

namespace c1m::loadgen {
namespace {

double to_s(os::Nanoseconds ns) {
  return static_cast<double>(ns) / static_cast<double>(os::ns_per_s);
}

double in_arrivals(NanoArrivals arrivals) {
  return static_cast<double>(arrivals) / static_cast<double>(one_arrival);
}

// The part of the segment before `length_ns`.
RateSegment first_of(const RateSegment& segment, os::Nanoseconds length_ns) {
  const double share = to_s(length_ns) / to_s(segment.length_ns);
  return {.length_ns = length_ns,
          .from_per_s = segment.from_per_s,
          .to_per_s = std::lerp(segment.from_per_s, segment.to_per_s, share)};
}

// How far into the segment, in seconds, so many arrivals are expected. With the rate a + s t they
// are v = a t + s t^2 / 2; this form of the root loses no digits when s is small, or a is 0.
double time_into(const RateSegment& segment, double arrivals) {
  if (arrivals <= 0) return 0;
  const double length_s = to_s(segment.length_ns);
  const double from = segment.from_per_s;
  const double slope = (segment.to_per_s - from) / length_s;
  const double root = std::sqrt(std::max(0.0, from * from + 2 * slope * arrivals));
  return std::min(length_s, 2 * arrivals / (from + root));
}

}  // namespace

double RateSegment::expected_arrivals() const {
  return (from_per_s + to_per_s) / 2 * to_s(length_ns);
}

double RateProfile::expected_arrivals(os::Nanoseconds offset_ns) const {
  double sum = 0;
  os::Nanoseconds left_ns = offset_ns;
  for (const RateSegment& segment : segments) {
    const os::Nanoseconds part_ns = std::min(left_ns, segment.length_ns);
    sum += first_of(segment, part_ns).expected_arrivals();
    left_ns -= part_ns;
  }
  if (left_ns == 0) return sum;
  if (!repeats) return sum + then_per_s * to_s(left_ns);
  const os::Nanoseconds period_ns = offset_ns - left_ns;
  C1M_ASSERT(period_ns > 0, "what repeats has segments");
  const os::Nanoseconds whole_periods = offset_ns / period_ns;
  return static_cast<double>(whole_periods) * sum + expected_arrivals(offset_ns % period_ns);
}

RateClock::RateClock(RateProfile profile) : profile_(std::move(profile)) {
  double sum = 0;
  for (const RateSegment& segment : profile_.segments) {
    C1M_ASSERT(segment.length_ns > 0, "a segment has a length");
    C1M_ASSERT(segment.from_per_s >= 0 && segment.to_per_s >= 0, "a rate is not negative");
    sum += segment.expected_arrivals();
  }
  C1M_ASSERT(!profile_.repeats || sum > 0, "what repeats brings arrivals");
  measure();
}

os::Nanoseconds RateClock::offset_of(NanoArrivals arrivals) {
  while (!is_behind_all() && arrivals > end_) enter_next();
  const double since = in_arrivals(arrivals - begin_);
  double into_s = 0;
  if (!is_behind_all()) {
    into_s = time_into(profile_.segments[at_], since);
  } else if (profile_.then_per_s > 0) {
    into_s = since / profile_.then_per_s;
  } else {
    return never_ns;
  }
  return begin_ns_ + static_cast<os::Nanoseconds>(into_s * static_cast<double>(os::ns_per_s));
}

void RateClock::enter_next() {
  begin_ns_ += profile_.segments[at_].length_ns;
  begin_ = end_;
  ++at_;
  if (is_behind_all() && profile_.repeats) at_ = 0;
  measure();
}

void RateClock::measure() {
  if (is_behind_all()) return;
  const double expected = profile_.segments[at_].expected_arrivals();
  end_ = begin_ + static_cast<NanoArrivals>(std::llround(expected * one_arrival));
}

}  // namespace c1m::loadgen
