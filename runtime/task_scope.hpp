// What the tasks of a group share: their context, how many there are, the first failure.
// Invariants: it is on the heap for as long as a task or the owner refers to it; the count includes
// the owner until it waits, so it becomes zero once, when all have ended. Threads: any. Not here:
// what users see (task_group.hpp).
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <source_location>
#include <type_traits>
#include <utility>

#include "os/result.hpp"
#include "runtime/atomic.hpp"
#include "runtime/cancellation.hpp"
#include "runtime/failure.hpp"
#include "runtime/join_state.hpp"
#include "runtime/reference.hpp"
#include "runtime/runtime.hpp"
#include "runtime/spawn.hpp"

namespace c1m::runtime {

// Calls a task with the context, if it takes one.
template <class Function>
decltype(auto) call_task(Function& function, const Context& context) {
  if constexpr (std::invocable<Function&, const Context&>) {
    return std::invoke(function, context);
  } else {
    return std::invoke(function);
  }
}

template <class T>
inline constexpr bool is_result = false;
template <class T>
inline constexpr bool is_result<os::Result<T>> = true;

class TaskScope {
 public:
  // `runtime`: where tasks run; nullptr: that of the coroutine that starts one.
  [[nodiscard]] static Reference<TaskScope> make(CancelSource source, Runtime* runtime);
  TaskScope(const TaskScope&) = delete;
  TaskScope& operator=(const TaskScope&) = delete;
  static void destroy(TaskScope* scope) { delete scope; }

  [[nodiscard]] const Context& context() const { return source_.context(); }

  // One more task; it ends with end_task() or fail().
  template <class Task>
  [[nodiscard]] os::Result<void> start(Task task, SpawnOptions options,
                                       std::source_location where) {
    begin_task();
    auto started = runtime_ == nullptr ? spawn(std::move(task), options, where)
                                       : runtime_->spawn(std::move(task), options, where);
    if (!started) end_task();
    return started;
  }

  // On the task's coroutine: calls the function, and ends the task when it and its captures are
  // gone.
  template <class Function>
  void run_and_end(Function&& given) {
    std::optional<Failure> failure;
    {
      auto function = std::forward<Function>(given);
      failure = failure_of(function);
    }
    if (failure) fail(*failure);
    failure.reset();
    end_task();
  }
  // The same with the outcome kept in `state`; the caller ends the task.
  template <class Value, class Function>
  void run_and_keep(JoinState<Value>& state, Function&& given) {
    auto function = std::forward<Function>(given);
    auto call = [&] -> Value { return call_task(function, context()); };
    state.run(call);
  }

  void end_task();
  void fail(const Failure& failure);
  void cancel(const Failure& cause);
  [[nodiscard]] os::Result<void> join();
  // join() with another outcome, if it has not been called.
  void close();

  ReferenceCount references;

 private:
  TaskScope(CancelSource source, Runtime* runtime)
      : source_(std::move(source)), runtime_(runtime) {}
  ~TaskScope() = default;

  template <class Function>
  [[nodiscard]] std::optional<Failure> failure_of(Function& function) {
    using Value = decltype(call_task(function, context()));
    static_assert(std::is_void_v<Value> || is_result<Value>,
                  "a task of a group returns nothing or an os::Result");
    try {
      if constexpr (std::is_void_v<Value>) {
        call_task(function, context());
      } else {
        const Value result = call_task(function, context());
        if (!result) return result.error();
      }
    } catch (...) {
      return std::current_exception();
    }
    return std::nullopt;
  }

  void begin_task();
  [[nodiscard]] bool is_cancellation(const Failure& failure) const;
  void wait_for_all();

  const CancelSource source_;
  Runtime* const runtime_;
  Atomic<std::uint32_t> live_ = 1;  // tasks, and the owner until it waits
  Atomic<bool> cut_short_ = false;  // a task has ended after the context was cancelled
  Atomic<bool> cancelled_ = false;  // by a failure or cancel()
  bool joined_ = false;             // the owner's
  ThreadMutex mutex_;
  std::optional<Failure> failure_;  // the first; guarded by mutex_
  Completion all_ended_;
};

}  // namespace c1m::runtime
