// How a shard waits: for events, until something is due; as exactly as the user pays for.
// Threads: one owner. Not here: what is due, and the events' meaning (load_shard).
#pragma once

#include <array>
#include <span>

#include "loadgen/precision_flags.hpp"
#include "measure/loop_meter.hpp"
#include "os/clock.hpp"
#include "os/deadline_timer.hpp"
#include "os/poller.hpp"
#include "os/result.hpp"

namespace c1m::loadgen {

class ShardWait {
 public:
  // Events with this tag are the wait's own.
  static constexpr std::uint64_t timer_tag = UINT64_MAX - 1;

  // `poller` and `meter` outlive it. What a descriptor and its registration may fail with.
  [[nodiscard]] static os::Result<ShardWait> create(os::Poller& poller, measure::LoopMeter& meter,
                                                    SendPrecision precision);

  // Returns at the first events, and without any when `due_ns` has come (with slack: later by that
  // much at most), after a second, or after a tick of the meter. Never sleeps when it has come.
  [[nodiscard]] std::span<const epoll_event> until(os::Nanoseconds due_ns, os::Nanoseconds now_ns);

 private:
  ShardWait(os::Poller& poller, measure::LoopMeter& meter, SendPrecision precision,
            os::DeadlineTimer timer);

  os::Poller& poller_;
  measure::LoopMeter& meter_;
  SendPrecision precision_;
  os::DeadlineTimer timer_;
  std::array<epoll_event, 256> events_{};
};

}  // namespace c1m::loadgen
