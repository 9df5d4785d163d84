// Turns and waits; see loop_meter.hpp.
#include "measure/loop_meter.hpp"

namespace c1m::measure {

const os::Clock& LoopMeter::machine_clock() {
  static const os::MonotonicClock clock;
  return clock;
}

void LoopMeter::begin_wait(os::Nanoseconds now_ns) {
  if (due_ns_ != 0) {
    pauses_->turn_ns.record(now_ns - woke_ns_);
    const os::Nanoseconds since_ns = std::min(due_ns_, woke_ns_);
    if (now_ns - since_ns >= tick_ns_) add_stall(since_ns, now_ns);
  }
  if (now_ns - usage_ns_ >= tick_ns_) look_at_usage(now_ns);
  due_ns_ = now_ns + tick_ns_;
}

void LoopMeter::end_wait(os::Nanoseconds now_ns) {
  woke_ns_ = now_ns;
  if (now_ns >= due_ns_) pauses_->delay_ns.record(now_ns - due_ns_);
}

void LoopMeter::add_stall(os::Nanoseconds begin_ns, os::Nanoseconds end_ns) {
  const bool had_usage = has_usage_;
  const os::ThreadUsage before = usage_;
  look_at_usage(end_ns);
  Stall stall{.begin_ns = begin_ns,
              .end_ns = end_ns,
              .amount_ns = end_ns - begin_ns,
              .has_usage = had_usage && has_usage_,
              .usage = {}};
  if (stall.has_usage) stall.usage = usage_ - before;
  pauses_->stalls.add(stall);
}

void LoopMeter::look_at_usage(os::Nanoseconds now_ns) {
  const auto usage = reader_.read();
  has_usage_ = usage.has_value();
  if (usage) usage_ = *usage;
  usage_ns_ = now_ns;
}

}  // namespace c1m::measure
