// Things of a shard's connections that were begun, and must be over by a timeout that is the same
// for all: attempts to connect, orderly ends.
//
// Invariant: a connection has at most one; memory follows the number under way. Threads: one owner.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <optional>
#include <unordered_map>
#include <utility>

#include "os/assert.hpp"
#include "os/clock.hpp"

namespace c1m::loadgen {

// `Note`: what is remembered of each.
template <class Note>
class UnderWay {
 public:
  struct Begun {
    os::Nanoseconds since_ns = 0;
    Note note = {};
  };

  // `now_ns` never decreases.
  void begin(std::uint32_t index, os::Nanoseconds now_ns, Note note = {}) {
    const bool is_new = begun_.try_emplace(index, Begun{now_ns, std::move(note)}).second;
    C1M_ASSERT(is_new, "a connection begins one thing at a time");
    order_.emplace_back(index, now_ns);
  }
  // When it was begun; nothing when it is not under way.
  std::optional<os::Nanoseconds> end(std::uint32_t index) {
    const auto found = begun_.find(index);
    if (found == begun_.end()) return std::nullopt;
    const os::Nanoseconds since_ns = found->second.since_ns;
    begun_.erase(found);
    forget_ended();
    return since_ns;
  }
  // Null when it is not under way.
  Begun* find(std::uint32_t index) {
    const auto found = begun_.find(index);
    return found == begun_.end() ? nullptr : &found->second;
  }

  [[nodiscard]] std::size_t size() const { return begun_.size(); }
  // The connection that has been at it for longest, if that is since `latest_ns` or before.
  [[nodiscard]] std::optional<std::uint32_t> overdue(os::Nanoseconds latest_ns) const {
    if (order_.empty() || order_.front().second > latest_ns) return std::nullopt;
    return order_.front().first;
  }
  // When the one that is at it for longest will have been for `timeout_ns`; the far future when
  // none is under way.
  [[nodiscard]] os::Nanoseconds deadline_ns(os::Nanoseconds timeout_ns) const {
    if (order_.empty()) return std::numeric_limits<os::Nanoseconds>::max();
    return order_.front().second + timeout_ns;
  }

 private:
  void forget_ended() {
    while (!order_.empty()) {
      const auto found = begun_.find(order_.front().first);
      if (found != begun_.end() && found->second.since_ns == order_.front().second) return;
      order_.pop_front();
    }
  }

  std::unordered_map<std::uint32_t, Begun> begun_;
  std::deque<std::pair<std::uint32_t, os::Nanoseconds>> order_;  // its first is under way
};

}  // namespace c1m::loadgen
