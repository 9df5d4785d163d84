// Ending other coroutines' waits on purpose: a Context is passed to whatever may wait, and who
// holds its CancelSource ends those waits, the present and the future ones. As Go's context.Context
// and its cancel function. Invariants: both are handles of one shared state, which lives as long as
// one of them; a coroutine that waits keeps no reference of its own. Threads: any, each handle by
// one at a time. Not here: children, values and timeouts.
#pragma once

#include <cerrno>
#include <memory>

#include "runtime/cancel_state.hpp"

namespace c1m::runtime {

class Context {
 public:
  // Nobody cancels it: see `background`.
  constexpr Context() = default;

  [[nodiscard]] bool is_cancelled() const { return cause() != 0; }
  // The errno with which its waits fail; 0 while it is not cancelled.
  [[nodiscard]] int cause() const { return state_ ? state_->cause() : 0; }

 private:
  friend class CancelSource;
  friend class Wait;
  explicit Context(std::shared_ptr<CancelState> state) : state_(std::move(state)) {}
  std::shared_ptr<CancelState> state_;
};

// The context of whoever was given none.
inline const Context background;

class CancelSource {
 public:
  CancelSource() : context_(std::make_shared<CancelState>()) {}

  // Hand it out freely; it may outlive this object, and is then never cancelled any more.
  [[nodiscard]] const Context& context() const { return context_; }

  // Waits on the context fail with `cause` from now on. Any thread; the second time: no effect. Not
  // beside the destruction of the runtime whose coroutines wait.
  void cancel(int cause = ECANCELED) const;

 private:
  Context context_;
};

}  // namespace c1m::runtime
