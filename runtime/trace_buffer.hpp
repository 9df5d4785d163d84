// Events of one processor, up to a number. Invariants: one thread at a time appends; what has been
// appended is not changed before the next trace, so another may read it meanwhile; a reader counts
// only what belongs to the trace that it asks for. Threads: append() by who holds the processor;
// read() by any, while no new trace is started, and what starts one is seen by who appends to it
// (observation.hpp). Not here: what the events are (trace.hpp).
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "runtime/trace.hpp"

namespace c1m::runtime {

class TraceBuffer {
 public:
  // `trace` numbers the traces of a runtime, from 1. An event of an earlier one than the last that
  // was begun here is too late, and left out.
  void append(std::uint32_t trace, std::size_t events_max, const TraceEvent& event) {
    const std::uint32_t last = trace_.load(std::memory_order_relaxed);
    if (trace < last) return;
    if (trace > last) begin(trace, events_max);
    const std::size_t size = size_.load(std::memory_order_relaxed);
    if (size == events_.size()) {
      dropped_.store(dropped_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
      return;
    }
    events_[size] = event;
    size_.store(size + 1, std::memory_order_release);  // the event is there
  }

  void read(std::uint32_t trace, TraceTrack& track) const {
    if (trace_.load(std::memory_order_acquire) != trace) return;
    const std::size_t size = size_.load(std::memory_order_acquire);
    track.events.assign(events_.begin(), events_.begin() + static_cast<std::ptrdiff_t>(size));
    track.dropped = dropped_.load(std::memory_order_relaxed);
  }

 private:
  void begin(std::uint32_t trace, std::size_t events_max) {
    size_.store(0, std::memory_order_relaxed);
    dropped_.store(0, std::memory_order_relaxed);
    if (events_.size() != events_max) events_ = std::vector<TraceEvent>(events_max);
    trace_.store(trace, std::memory_order_release);  // the vector is the new one
  }

  std::atomic<std::uint32_t> trace_ = 0;
  std::vector<TraceEvent> events_;
  std::atomic<std::size_t> size_ = 0;
  std::atomic<std::uint64_t> dropped_ = 0;
};

}  // namespace c1m::runtime
