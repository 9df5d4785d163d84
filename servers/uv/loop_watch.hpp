// When a libuv loop waits, for the meter of its pauses: prepare and check handles stand just before
// and after its epoll_wait, and a timer bounds the wait. Threads: the loop's. Not here: the meter
// (measure/loop_meter.hpp).
#pragma once

#include <uv.h>

#include <utility>

#include "os/clock.hpp"
#include "servers/app/shard_pauses.hpp"

namespace c1m::servers::uv {

class LoopWatch {
 public:
  explicit LoopWatch(measure::LoopMeter meter) : meter_(std::move(meter)) {}

  // Opens the handles in `loop`, if anything is to be measured; whoever ends the loop closes them
  // with all others. This object outlives the loop. Returns libuv's code.
  int start(uv_loop_t* loop) {
    if (!meter_.is_on()) return 0;
    uv_prepare_init(loop, &prepare_);  // these do not fail
    uv_check_init(loop, &check_);
    uv_timer_init(loop, &tick_);
    prepare_.data = check_.data = this;
    uv_prepare_start(&prepare_, [](uv_prepare_t* handle) { watch_of(handle).wait_begins(); });
    uv_check_start(&check_, [](uv_check_t* handle) { watch_of(handle).wait_ends(); });
    const auto tick_ms = static_cast<std::uint64_t>(meter_.tick_ns() / os::ns_per_ms);
    return uv_timer_start(&tick_, [](uv_timer_t*) {}, tick_ms, tick_ms);
  }

 private:
  template <class Handle>
  static measure::LoopMeter& watch_of(Handle* handle) {
    return static_cast<LoopWatch*>(handle->data)->meter_;
  }

  measure::LoopMeter meter_;
  uv_prepare_t prepare_{};
  uv_check_t check_{};
  uv_timer_t tick_{};
};

}  // namespace c1m::servers::uv
