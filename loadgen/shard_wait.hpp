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

// How long a wait that begins at `now_ns` may be; 0: it only looks, because a request or something
// else is due. At most a second.
[[nodiscard]] os::Nanoseconds wait_length_ns(const SendPrecision& precision,
                                             os::Nanoseconds request_due_ns,
                                             os::Nanoseconds other_due_ns, os::Nanoseconds now_ns);

class ShardWait {
 public:
  // Clock, poller and meter outlive it; the tag UINT64_MAX - 1 is its own. What a descriptor and
  // its registration may fail with.
  [[nodiscard]] static os::Result<ShardWait> create(const os::Clock& clock, os::Poller& poller,
                                                    measure::LoopMeter& meter,
                                                    SendPrecision precision);

  // Returns at the first events; without any after wait_length_ns() or a tick of a meter that is on
  // at the latest, earlier when a timer ends that was set for an earlier wait.
  [[nodiscard]] std::span<const epoll_event> until(os::Nanoseconds request_due_ns,
                                                   os::Nanoseconds other_due_ns);

 private:
  ShardWait(const os::Clock& clock, os::Poller& poller, measure::LoopMeter& meter,
            SendPrecision precision, os::DeadlineTimer timer);

  const os::Clock& clock_;
  os::Poller& poller_;
  measure::LoopMeter& meter_;
  SendPrecision precision_;
  os::DeadlineTimer timer_;
  std::array<epoll_event, 256> events_{};
};

}  // namespace c1m::loadgen
