// The heap's sifting and its lock; see timer_heap.hpp.
#include "runtime/timer_heap.hpp"

#include <algorithm>

#include "os/assert.hpp"

namespace c1m::runtime {

void Timer::cancel() {
  while (TimerHeap* heap = heap_.load(std::memory_order_acquire)) {
    const std::lock_guard lock(heap->mutex_);
    // While this thread waited for the lock it may have fired, or moved to another heap.
    if (heap_.load(std::memory_order_relaxed) != heap) continue;
    heap->take_out(*this);
    return;
  }
}

void TimerHeap::arm(Timer& timer, os::Nanoseconds when_ns, WakeToken token) {
  C1M_ASSERT(timer.heap_.load(std::memory_order_acquire) == nullptr, "a timer is armed once");
  const std::lock_guard lock(mutex_);
  timer.token_ = token;
  put_in({when_ns, &timer});
  publish();
}

void TimerHeap::put_in(Entry entry) {
  entry.timer->heap_.store(this, std::memory_order_relaxed);
  entries_.emplace_back();
  sift_up(static_cast<std::uint32_t>(entries_.size() - 1), entry);
}

void TimerHeap::move_all_to(TimerHeap& other) {
  const std::lock_guard lock(mutex_);
  const std::lock_guard other_lock(other.mutex_);
  for (const Entry entry : entries_) other.put_in(entry);
  entries_.clear();
  publish();
  other.publish();
}

std::size_t TimerHeap::take_due(os::Nanoseconds now_ns, std::span<WakeToken> due) {
  if (earliest_ns() > now_ns) return 0;  // without the lock, for all those that only look
  return take_until(now_ns, due);
}

std::size_t TimerHeap::take_any(std::span<WakeToken> taken) {
  return take_until(never, taken);
}

std::size_t TimerHeap::take_until(os::Nanoseconds now_ns, std::span<WakeToken> due) {
  const std::lock_guard lock(mutex_);
  std::size_t count = 0;
  while (count < due.size() && !entries_.empty() && entries_.front().when_ns <= now_ns) {
    Timer& timer = *entries_.front().timer;
    due[count++] = timer.token_;
    take_out(timer);
  }
  return count;
}

void TimerHeap::take_out(Timer& timer) {
  const std::uint32_t position = timer.position_;
  const Entry last = entries_.back();
  entries_.pop_back();
  if (position < entries_.size()) {
    const bool up = position > 0 && last.when_ns < entries_[(position - 1) / arity].when_ns;
    if (up) {
      sift_up(position, last);
    } else {
      sift_down(position, last);
    }
  }
  publish();
  timer.heap_.store(nullptr, std::memory_order_release);
}

void TimerHeap::sift_up(std::uint32_t position, Entry entry) {
  while (position > 0) {
    const std::uint32_t parent = (position - 1) / arity;
    if (entries_[parent].when_ns <= entry.when_ns) break;
    place(position, entries_[parent]);
    position = parent;
  }
  place(position, entry);
}

void TimerHeap::sift_down(std::uint32_t position, Entry entry) {
  const auto size = static_cast<std::uint32_t>(entries_.size());
  for (;;) {
    const std::uint32_t first = position * arity + 1;
    if (first >= size) break;
    const auto children = entries_.begin() + first;
    const auto least = std::min_element(
        children, entries_.begin() + std::min(first + arity, size),
        [](const Entry& left, const Entry& right) { return left.when_ns < right.when_ns; });
    if (entry.when_ns <= least->when_ns) break;
    const auto least_position = static_cast<std::uint32_t>(least - entries_.begin());
    place(position, *least);
    position = least_position;
  }
  place(position, entry);
}

void TimerHeap::place(std::uint32_t position, Entry entry) {
  entries_[position] = entry;
  entry.timer->position_ = position;
}

void TimerHeap::publish() {
  earliest_ns_.store(entries_.empty() ? never : entries_.front().when_ns,
                     std::memory_order_relaxed);
  size_.store(entries_.size(), std::memory_order_relaxed);
}

}  // namespace c1m::runtime
