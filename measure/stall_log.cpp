// Keeping the longest; see stall_log.hpp.
#include "measure/stall_log.hpp"

#include <algorithm>

namespace c1m::measure {

void StallLog::add(const Stall& stall) {
  ++total_;
  if (count_ < stalls_.size()) {
    stalls_[count_++] = stall;
    return;
  }
  const auto shortest = std::ranges::min_element(stalls_, {}, &Stall::amount_ns);
  if (shortest->amount_ns < stall.amount_ns) *shortest = stall;
}

std::vector<Stall> StallLog::kept() const {
  std::vector<Stall> kept(stalls_.begin(), stalls_.begin() + static_cast<std::ptrdiff_t>(count_));
  std::ranges::sort(kept, {}, &Stall::begin_ns);
  return kept;
}

}  // namespace c1m::measure
