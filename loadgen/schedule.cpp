// Counting ahead; see schedule.hpp.
#include "loadgen/schedule.hpp"

#include <algorithm>

namespace c1m::loadgen {

double Schedule::expected_arrivals(os::Nanoseconds offset_ns) const {
  if (process != ArrivalProcess::trace) return rate.expected_arrivals(offset_ns);
  const auto end = std::ranges::lower_bound(trace, offset_ns, {}, &TracedArrival::offset_ns);
  return static_cast<double>(end - trace.begin());
}

}  // namespace c1m::loadgen
