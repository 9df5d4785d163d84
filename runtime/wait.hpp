// One wait of the running coroutine, from any number of sources: get the token, give it to each
// source, park, take it back from each. A source that fires before park() is not lost: park()
// returns at once. Invariants: after park() or cancel() the token wakes nobody; every Wait ends by
// one of them. Threads: the coroutine.
#pragma once

#include <utility>

#include "os/clock.hpp"
#include "runtime/cancellation.hpp"
#include "runtime/coroutine.hpp"
#include "runtime/safeguard.hpp"
#include "runtime/scheduler.hpp"
#include "runtime/thread_state.hpp"
#include "runtime/wait_sources.hpp"
#include "runtime/worker.hpp"

namespace c1m::runtime {

// The worker that runs the calling coroutine; asserts that a coroutine calls.
[[nodiscard]] Worker& worker_of_caller();

class Wait {
 public:
  // The calling thread must be running a coroutine. The reason and the number of the object that is
  // waited for are what a dump shows.
  explicit Wait(WaitReason reason, std::uint32_t object = 0)
      : Wait(worker_of_caller(), reason, object) {}
  // The same for who knows the worker, and for an object without a number: Coroutine::awaited.
  Wait(Worker& worker, WaitReason reason, const void* awaited)
      : Wait(worker, reason, std::uint32_t{0}) {
    coroutine_.awaited = awaited;
  }
  Wait(const Wait&) = delete;
  Wait& operator=(const Wait&) = delete;
  ~Wait() {
    if (sources_ != nullptr) sources_->give_back();
  }

  [[nodiscard]] WakeToken token() const { return token_; }
  [[nodiscard]] Coroutine& coroutine() const { return coroutine_; }
  [[nodiscard]] Scheduler& scheduler() const { return worker_->scheduler(); }

  // Time as a source: the wait ends at `when_ns`, or at the earliest of several such times.
  void end_at(os::Nanoseconds when_ns) {
    if (when_ns >= ends_at_ns_) return;
    Timer& timer = sources().timer;
    if (ends_at_ns_ != no_deadline) timer.cancel();
    ends_at_ns_ = when_ns;
    worker_->processor().timers.arm(timer, when_ns, token_);
  }

  // Cancelling as a source, and the context's deadline; false when `context` is cancelled already.
  // At most once. The context must be there as long as this object.
  [[nodiscard]] bool end_on(const Context& context) {
    CancelState* const state = context.state_.get();
    if (state == nullptr) return true;
    WaitSources& mine = sources();
    if (!state->add(mine.link, {token_, &scheduler()})) return false;
    mine.cancel_state = state;
    if (in_force(Safeguard::context_deadline)) end_at(state->deadline_ns());
    return true;
  }

  // For who parks in another frame than this object's, and gives them back after that: nullptr when
  // there are none.
  [[nodiscard]] WaitSources* release_sources() { return std::exchange(sources_, nullptr); }

  void park() { worker_->park(); }
  void cancel() { coroutine_.wait.cancel_wait(); }

 private:
  Wait(Worker& worker, WaitReason reason, std::uint32_t object)
      : worker_(&worker), coroutine_(worker.current()), token_(coroutine_.token()) {
    coroutine_.note.write(reason, object, worker_->recent_ns());
  }

  [[nodiscard]] WaitSources& sources() {
    if (sources_ == nullptr) sources_ = &take_sources(*worker_);
    return *sources_;
  }
  [[nodiscard]] static WaitSources& take_sources(Worker& worker);

  Worker* worker_;  // of the time before park()
  Coroutine& coroutine_;
  const WakeToken token_;
  os::Nanoseconds ends_at_ns_ = no_deadline;
  WaitSources* sources_ = nullptr;  // when there is a time or a context
};

}  // namespace c1m::runtime
