// What a wait for a channel has beside its place in the list: a deadline, a context, and the error
// when one of them has ended it. Threads: the one that waits.
#pragma once

#include "os/clock.hpp"
#include "runtime/any_wait.hpp"
#include "runtime/cancellation.hpp"
#include "runtime/channel_core.hpp"

namespace c1m::runtime {

class ChannelWait {
 public:
  // `channel`: for dumps; nullptr for several.
  ChannelWait(WaitReason reason, const void* channel, os::Nanoseconds deadline_ns,
              const Context& context)
      : wait_(reason, channel), deadline_ns_(deadline_ns), context_(context) {}

  [[nodiscard]] Waker waker() const { return wait_.waker(); }
  // Nothing but the channels ends the wait.
  [[nodiscard]] bool is_alone() const {
    return deadline_ns_ == no_deadline && !context_.can_be_cancelled();
  }

  // Once, when the channels have the waker.
  void park() {
    if (is_alone()) {
      wait_.park();
    } else {
      park_with_sources();
    }
  }

  // The errno of a wait that the channel has not ended well.
  [[nodiscard]] int error_of(ChannelOutcome outcome) const;
  // Whether a time has passed, the wait's or the context's.
  [[nodiscard]] bool is_due() const { return wait_.now_ns() >= deadline_ns_; }

 private:
  void park_with_sources();

  AnyWait wait_;
  const os::Nanoseconds deadline_ns_;
  const Context& context_;
};

}  // namespace c1m::runtime
