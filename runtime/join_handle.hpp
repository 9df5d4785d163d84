// Starting a coroutine whose result somebody waits for: a handle to it, from which the value or the
// exception is taken once. Threads: a handle by one at a time, a coroutine of any runtime or a
// plain thread. Not here: an end for all of several tasks (task_group.hpp).
#pragma once

#include <concepts>
#include <functional>
#include <source_location>
#include <type_traits>
#include <utility>

#include "os/assert.hpp"
#include "os/result.hpp"
#include "runtime/frame_check.hpp"
#include "runtime/join_state.hpp"
#include "runtime/runtime.hpp"
#include "runtime/spawn.hpp"

namespace c1m::runtime {

// Dropped without join() it detaches: the coroutine goes on, its value is thrown away, and an
// exception, whether it has come or is to come, ends the process with a message that names the
// coroutine. Who does not care calls ignore().
template <class Value>
class [[nodiscard]] JoinHandle {
 public:
  JoinHandle() = default;  // of nothing
  explicit JoinHandle(Reference<JoinState<Value>> state) : state_(std::move(state)) {}

  [[nodiscard]] bool finished() const { return state().finished(); }

  // Parks until the coroutine has ended, or `context` is cancelled: then it fails with that one's
  // error(). The coroutine goes on; whoever wants it to end cancels what it was given.
  [[nodiscard]] os::Result<void> wait(const Context& context) const {
    check_reachable(this, "JoinHandle::wait");
    return state().wait(WaitReason::join, context);
  }

  // Parks until the coroutine has ended, and its captures are gone; then returns what it has
  // returned, or throws what it has thrown. Once.
  Value join() {
    check_reachable(this, "JoinHandle::join");
    const Reference<JoinState<Value>> state = std::exchange(state_, {});
    C1M_ASSERT(state, "a coroutine is joined once");
    state->wait(WaitReason::join);
    return state->take();
  }

  // Nobody will join: also an exception is thrown away.
  void ignore() {
    state().ignore();
    state_ = {};
  }

 private:
  [[nodiscard]] JoinState<Value>& state() const {
    C1M_ASSERT(state_, "it has not been joined, moved from or ignored");
    return *state_;
  }

  Reference<JoinState<Value>> state_;
};

// A function on its way to the coroutine, with the state in which its result is kept.
template <class Value, class Function>
class JoinableTask {
 public:
  JoinableTask(Reference<JoinState<Value>> state, Function function)
      : state_(std::move(state)), function_(std::move(function)) {}

  void operator()() {
    {
      Function function = std::move(function_);
      state_->run(function);
    }  // what it has captured goes before anybody learns of its end
    state_->finish();
  }

 private:
  Reference<JoinState<Value>> state_;
  Function function_;
};

// spawn() with a handle, in the runtime of the calling coroutine. Fails as spawn() does.
template <std::move_constructible Function>
  requires std::invocable<Function&>
[[nodiscard]] auto spawn_joinable(Function function, SpawnOptions options,
                                  std::source_location where = std::source_location::current())
    -> os::Result<JoinHandle<std::invoke_result_t<Function&>>> {
  using Value = std::invoke_result_t<Function&>;
  auto state = Reference<JoinState<Value>>::adopt(new JoinState<Value>(where));
  auto spawned = spawn(JoinableTask<Value, Function>(state, std::move(function)), options, where);
  if (!spawned) return std::unexpected(spawned.error());
  return JoinHandle<Value>(std::move(state));
}
template <std::move_constructible Function>
  requires std::invocable<Function&>
[[nodiscard]] auto spawn_joinable(Function function,
                                  std::source_location where = std::source_location::current()) {
  return spawn_joinable(std::move(function), SpawnOptions{}, where);
}

// The same in `runtime`, from any thread.
template <std::move_constructible Function>
  requires std::invocable<Function&>
[[nodiscard]] auto spawn_joinable(Runtime& runtime, Function function, SpawnOptions options = {},
                                  std::source_location where = std::source_location::current())
    -> os::Result<JoinHandle<std::invoke_result_t<Function&>>> {
  using Value = std::invoke_result_t<Function&>;
  auto state = Reference<JoinState<Value>>::adopt(new JoinState<Value>(where));
  auto spawned =
      runtime.spawn(JoinableTask<Value, Function>(state, std::move(function)), options, where);
  if (!spawned) return std::unexpected(spawned.error());
  return JoinHandle<Value>(std::move(state));
}

}  // namespace c1m::runtime
