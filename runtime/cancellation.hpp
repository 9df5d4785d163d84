// Ending other coroutines' waits on purpose: a Context is passed to whatever may wait, and who
// holds its CancelSource ends those waits, the present and the future ones, its deadline too; and
// those of all contexts made from it. As Go's context.Context and its cancel functions.
// Invariants: a context is never less cancelled, nor later, than the one it was made from; a
// deadline is a number that waits go by, so none is armed while nobody waits, and none is left. All
// are handles of shared states; a coroutine that waits keeps no reference of its own. Threads: any,
// each handle by one at a time. Not here: calls upon cancelling; a coroutine that wait()s makes
// them.
#pragma once

#include <cerrno>
#include <utility>

#include "os/clock.hpp"
#include "os/result.hpp"
#include "runtime/cancel_state.hpp"
#include "runtime/context_values.hpp"
#include "runtime/failure.hpp"

namespace c1m::runtime {

class Context {
 public:
  // Nobody cancels it: see `background`.
  constexpr Context() = default;

  // With what waits fail: ECANCELED once it is cancelled, ETIMEDOUT once its deadline has passed, 0
  // until then. Never an errno that an operation could fail with for a reason of its own.
  [[nodiscard]] int error() const { return state_ ? error_of_state() : 0; }
  [[nodiscard]] bool is_cancelled() const { return error() != 0; }
  // The same as a result, for whatever is about to wait.
  [[nodiscard]] os::Result<void> check(const char* operation) const {
    if (const int code = error(); code != 0) return os::fail(code, operation);
    return {};
  }

  // Why it is cancelled, in the canceller's words; nullptr until it is. For as long as a copy of
  // this context lives.
  [[nodiscard]] const Failure* cause() const { return is_cancelled() ? &state_->cause() : nullptr; }

  // In the time of the runtime where it was made; `no_deadline` if there is none.
  [[nodiscard]] os::Nanoseconds deadline_ns() const {
    return state_ ? state_->deadline_ns() : no_deadline;
  }

  // False for `background`, and what was made from it without a CancelSource.
  [[nodiscard]] bool can_be_cancelled() const { return static_cast<bool>(state_); }

  // Parks the caller, a coroutine or a plain thread, until the context is cancelled, or, if it has
  // a deadline, the coroutine's runtime stopped. Somebody must be able to cancel it.
  void wait() const;

  // The same with a value, which hides one that it had for the key.
  template <class Value>
  [[nodiscard]] Context with_value(const ContextKey<Value>& key, Value value) const {
    Context with = *this;
    with.values_ = Reference<ContextValue>::adopt(
        new TypedContextValue<Value>(values_, key, std::move(value)));
    return with;
  }

  // The value for the key, or nullptr. For as long as this context, or one made from it, lives.
  template <class Value>
  [[nodiscard]] const Value* value(const ContextKey<Value>& key) const {
    const ContextValue* found = values_.get();
    while (found != nullptr && found->key != &key) found = found->parent.get();
    return found ? &static_cast<const TypedContextValue<Value>*>(found)->value : nullptr;
  }

 private:
  friend class CancelSource;
  friend class AnyWait;
  friend class Wait;
  [[nodiscard]] int error_of_state() const;

  Reference<CancelState> state_;
  Reference<ContextValue> values_;
};

// The context of whoever was given none.
inline const Context background;

class CancelSource {
 public:
  // Of a context that is cancelled with `parent`, and has its deadline and values.
  explicit CancelSource(const Context& parent = background)
      : CancelSource(parent, parent.deadline_ns()) {}

  // The same with a deadline, if the parent has no earlier one: a time of now_ns() (sleep.hpp) when
  // a coroutine calls, of os::monotonic_ns() otherwise. A runtime's virtual clock outlives it.
  [[nodiscard]] static CancelSource with_deadline(os::Nanoseconds deadline_ns,
                                                  const Context& parent = background);
  // The same, `duration_ns` from now.
  [[nodiscard]] static CancelSource with_timeout(os::Nanoseconds duration_ns,
                                                 const Context& parent = background);

  // Hand it out freely; it may outlive this object, and is then cancelled by its deadline or its
  // parent alone.
  [[nodiscard]] const Context& context() const { return context_; }

  // Waits on the context fail with ECANCELED from now on. Any thread; the second time: no effect.
  void cancel(const Failure& cause = os::Error{ECANCELED, "cancel"}) const;

 private:
  CancelSource(const Context& parent, os::Nanoseconds deadline_ns);

  Context context_;
};

}  // namespace c1m::runtime
