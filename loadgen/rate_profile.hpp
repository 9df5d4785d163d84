// How many requests a second are due, as a function of time: constant, in steps, growing, or in
// bursts. And its inverse: the moment at which the expected number of arrivals reaches a value. A
// process of rate 1 put through that inverse is the same process at the profile's rate (Lewis and
// Shedler, "Simulation of nonhomogeneous Poisson processes by thinning", 1979, section 1: time
// scale transformation), so one draw serves all profiles.
// Invariants: rates are finite and not negative; lengths are positive. Threads: values. Not here:
// randomness (arrival_plan).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "os/clock.hpp"

namespace c1m::loadgen {

// The rate goes from one value to the other in a straight line.
struct RateSegment {
  os::Nanoseconds length_ns = 0;
  double from_per_s = 0;
  double to_per_s = 0;

  [[nodiscard]] double expected_arrivals() const;
  friend bool operator==(const RateSegment&, const RateSegment&) = default;
};

struct RateProfile {
  std::vector<RateSegment> segments = {};  // one after another, from the start of the plan
  bool repeats = false;                    // afterwards again from the first
  double then_per_s = 0;                   // or this rate for ever; 0: nothing more

  // The expected number of arrivals before `offset_ns`.
  [[nodiscard]] double expected_arrivals(os::Nanoseconds offset_ns) const;
  friend bool operator==(const RateProfile&, const RateProfile&) = default;
};

// Expected arrivals in units of a thousand millionth: sums stay exact for 1.8e10 arrivals.
using NanoArrivals = std::uint64_t;
inline constexpr NanoArrivals one_arrival = 1'000'000'000;

// Walks along a profile.
class RateClock {
 public:
  static constexpr os::Nanoseconds never_ns = INT64_MAX;

  explicit RateClock(RateProfile profile);

  // The offset at which `arrivals` are expected to have come; never_ns when the profile ends
  // before. `arrivals` must not decrease from call to call.
  os::Nanoseconds offset_of(NanoArrivals arrivals);

 private:
  [[nodiscard]] bool is_behind_all() const { return at_ == profile_.segments.size(); }
  void enter_next();
  void measure();

  RateProfile profile_;
  std::size_t at_ = 0;            // the present segment
  os::Nanoseconds begin_ns_ = 0;  // where it begins
  NanoArrivals begin_ = 0;
  NanoArrivals end_ = 0;  // where it ends; unused behind all
};

}  // namespace c1m::loadgen
