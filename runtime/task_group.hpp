// Coroutines that end together, as Kotlin's coroutineScope and supervisorScope: nothing that a
// group has started outlives it, and all of it is bounded to the group's context. Invariants: the
// count of tasks and all that they share is on the heap, never on a stack; a group's context is
// below the one it was given, so a cancelled parent, or its deadline, ends the tasks' waits; the
// first failure of a TaskGroup is its outcome, later ones are not. Threads: spawn(), fail() and
// cancel() by the owner before join(), and by tasks; join() and the destructor by the owner, a
// coroutine or a plain thread. Not here: ending a task that never waits; it looks at its context
// itself.
#pragma once

#include <concepts>
#include <functional>
#include <source_location>
#include <type_traits>
#include <utility>

#include "runtime/frame_check.hpp"
#include "runtime/join_handle.hpp"
#include "runtime/task_scope.hpp"

namespace c1m::runtime {

// What a group may start: a function of nothing, or of the group's context.
template <class Function>
concept GroupTask = std::move_constructible<Function> &&
                    (std::invocable<Function&> || std::invocable<Function&, const Context&>);

// The first task that fails, by an exception or by returning an error, cancels the others, and is
// what join() throws or returns. A task that ends because it was cancelled (ECANCELED, or ETIMEDOUT
// once the group's own deadline has passed; as an error or as a std::system_error) has not failed.
class [[nodiscard]] TaskGroup {
 public:
  explicit TaskGroup(const Context& parent = background)
      : TaskGroup(CancelSource(parent), nullptr) {}
  // Whose tasks run in `runtime`: for plain threads.
  explicit TaskGroup(Runtime& runtime, const Context& parent = background)
      : TaskGroup(CancelSource(parent), &runtime) {}
  // With a time limit, as CancelSource's.
  [[nodiscard]] static TaskGroup with_timeout(os::Nanoseconds duration_ns,
                                              const Context& parent = background) {
    return TaskGroup(CancelSource::with_timeout(duration_ns, parent), nullptr);
  }
  [[nodiscard]] static TaskGroup with_deadline(os::Nanoseconds deadline_ns,
                                               const Context& parent = background) {
    return TaskGroup(CancelSource::with_deadline(deadline_ns, parent), nullptr);
  }
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;
  // Without join(): cancels the tasks, waits for all and drops their outcome. So a failure on the
  // way out of the owner's function leaves nothing behind.
  ~TaskGroup() { scope_->close(); }

  // Cancelled by the first failure, by cancel() and with the parent.
  [[nodiscard]] const Context& context() const { return scope_->context(); }

  // Adds a task. It returns nothing or an os::Result; that one's value is dropped. Fails as
  // spawn() does, and then nothing is added or cancelled.
  template <GroupTask Function>
  [[nodiscard]] os::Result<void> spawn(
      Function function, SpawnOptions options = {},
      std::source_location where = std::source_location::current()) {
    check_reachable(this, "TaskGroup::spawn");
    return scope_->start(
        [scope = scope_.get(), function = std::move(function)] mutable {
          scope->run_and_end(std::move(function));
        },
        options, where);
  }

  // As if a task had failed so.
  void fail(const Failure& failure) {
    check_reachable(this, "TaskGroup::fail");
    scope_->fail(failure);
  }

  // The tasks shall end. What they do about it is not a failure of the group.
  void cancel(const Failure& cause = os::Error{ECANCELED, "cancel"}) {
    check_reachable(this, "TaskGroup::cancel");
    scope_->cancel(cause);
  }

  // Parks until all tasks have ended. Then throws or returns the first failure; without one fails
  // with the context's error() if a task ended after the parent was cancelled or the deadline had
  // passed. Once, and no spawn() afterwards.
  [[nodiscard]] os::Result<void> join() {
    check_reachable(this, "TaskGroup::join");
    return scope_->join();
  }

 private:
  TaskGroup(CancelSource source, Runtime* runtime)
      : scope_(TaskScope::make(std::move(source), runtime)) {}

  Reference<TaskScope> scope_;
};

// Tasks that fail apart: each has a handle, which reports its own value or exception and nothing of
// the others. All end with the group.
class [[nodiscard]] SupervisorGroup {
 public:
  explicit SupervisorGroup(const Context& parent = background)
      : SupervisorGroup(CancelSource(parent), nullptr) {}
  // Whose tasks run in `runtime`: for plain threads.
  explicit SupervisorGroup(Runtime& runtime, const Context& parent = background)
      : SupervisorGroup(CancelSource(parent), &runtime) {}
  // With a time limit, as CancelSource's.
  [[nodiscard]] static SupervisorGroup with_timeout(os::Nanoseconds duration_ns,
                                                    const Context& parent = background) {
    return SupervisorGroup(CancelSource::with_timeout(duration_ns, parent), nullptr);
  }
  [[nodiscard]] static SupervisorGroup with_deadline(os::Nanoseconds deadline_ns,
                                                     const Context& parent = background) {
    return SupervisorGroup(CancelSource::with_deadline(deadline_ns, parent), nullptr);
  }
  SupervisorGroup(const SupervisorGroup&) = delete;
  SupervisorGroup& operator=(const SupervisorGroup&) = delete;
  // Without join(): cancels the tasks and waits for all.
  ~SupervisorGroup() { scope_->close(); }

  [[nodiscard]] const Context& context() const { return scope_->context(); }

  // Adds a task, and returns a handle that may outlive the group. One that is dropped without
  // join() does with an exception what JoinHandle says.
  template <GroupTask Function>
  [[nodiscard]] auto spawn(Function function, SpawnOptions options = {},
                           std::source_location where = std::source_location::current()) {
    check_reachable(this, "SupervisorGroup::spawn");
    using Value = decltype(call_task(function, std::declval<const Context&>()));
    auto state = Reference<JoinState<Value>>::adopt(new JoinState<Value>(where));
    auto started = scope_->start(
        [scope = scope_.get(), state, function = std::move(function)] mutable {
          scope->run_and_keep(*state, std::move(function));
          state->finish();
          state = {};
          scope->end_task();
        },
        options, where);
    using Handle = os::Result<JoinHandle<Value>>;
    return started ? Handle(JoinHandle<Value>(std::move(state)))
                   : Handle(std::unexpected(started.error()));
  }

  void cancel(const Failure& cause = os::Error{ECANCELED, "cancel"}) {
    check_reachable(this, "SupervisorGroup::cancel");
    scope_->cancel(cause);
  }

  // Parks until all tasks have ended; how is their handles' business. Fails as TaskGroup's when the
  // parent was cancelled or the deadline has passed. Once, and no spawn() afterwards.
  [[nodiscard]] os::Result<void> join() {
    check_reachable(this, "SupervisorGroup::join");
    return scope_->join();
  }

 private:
  SupervisorGroup(CancelSource source, Runtime* runtime)
      : scope_(TaskScope::make(std::move(source), runtime)) {}

  Reference<TaskScope> scope_;
};

}  // namespace c1m::runtime
