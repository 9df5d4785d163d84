// Keeping the longest; see stall_log.hpp.
#include "measure/stall_log.hpp"

#include <algorithm>
#include <functional>
#include <span>

namespace c1m::measure {

void StallLog::add(const Stall& stall) {
  ++total_;
  const auto kept = std::span(stalls_).first(count_);
  if (count_ < stalls_.size()) {
    stalls_[count_++] = stall;
  } else {
    if (stall.amount_ns <= kept.front().amount_ns) return;
    std::ranges::pop_heap(kept, std::ranges::greater{}, &Stall::amount_ns);
    kept.back() = stall;
  }
  std::ranges::push_heap(std::span(stalls_).first(count_), std::ranges::greater{},
                         &Stall::amount_ns);
}

std::vector<Stall> StallLog::kept() const {
  std::vector<Stall> kept(stalls_.begin(), stalls_.begin() + static_cast<std::ptrdiff_t>(count_));
  std::ranges::sort(kept, {}, &Stall::begin_ns);
  return kept;
}

}  // namespace c1m::measure
