// Counting tasks, and what becomes of the first failure; see task_scope.hpp.
#include "runtime/task_scope.hpp"

#include <cerrno>
#include <mutex>
#include <utility>

#include "os/assert.hpp"
#include "runtime/safeguard.hpp"

namespace c1m::runtime {

Reference<TaskScope> TaskScope::make(CancelSource source, Runtime* runtime) {
  return Reference<TaskScope>::adopt(new TaskScope(std::move(source), runtime));
}

void TaskScope::begin_task() {
  // Relaxed: the task is handed over afterwards, and by that what was written before.
  const std::uint32_t before = live_.fetch_add(1, std::memory_order_relaxed);
  C1M_ASSERT(before > 0, "a group that has been joined starts nothing");
  references.add();
}

void TaskScope::end_task() {
  if (context().is_cancelled()) cut_short_.store(true, std::memory_order_relaxed);
  // Release: what the task did. Acquire: what the others did, for the owner.
  const bool last = live_.fetch_sub(1, std::memory_order_acq_rel) == 1;
  if (last && in_force(Safeguard::group_ends)) all_ended_.finish();
  std::ignore = Reference<TaskScope>::adopt(this);  // lets the task's reference go
}

void TaskScope::fail(const Failure& failure) {
  if (is_cancellation(failure)) return;
  {
    const std::lock_guard lock(mutex_);
    if (failure_) return;
    failure_ = failure;
  }
  if (in_force(Safeguard::failure_cancels)) cancel(failure);
}

// Of the group: what has ended a task of its own accord is a failure also when its errno says that
// a time was up.
bool TaskScope::is_cancellation(const Failure& failure) const {
  const int code = errno_of(failure);
  return code == ECANCELED || (code == ETIMEDOUT && context().error() == ETIMEDOUT);
}

void TaskScope::cancel(const Failure& cause) {
  // First: a task that sees the context cancelled by this has not been cut short.
  if (!context().is_cancelled()) cancelled_.store(true, std::memory_order_relaxed);
  source_.cancel(cause);
}

void TaskScope::wait_for_all() {
  C1M_ASSERT(!std::exchange(joined_, true), "a group is joined once");
  // Acquire: what the tasks did is visible.
  if (live_.fetch_sub(1, std::memory_order_acq_rel) != 1) all_ended_.wait(WaitReason::task_group);
}

os::Result<void> TaskScope::join() {
  wait_for_all();
  std::optional<Failure> failure;
  {
    const std::lock_guard lock(mutex_);
    failure.swap(failure_);
  }
  if (failure) return deliver(*failure);
  const bool cut = cut_short_.load(std::memory_order_relaxed);
  if (!cut || cancelled_.load(std::memory_order_relaxed)) return {};
  return os::fail(context().error(), "task group");
}

void TaskScope::close() {
  if (joined_) return;
  cancel(os::Error{ECANCELED, "the group has gone"});
  wait_for_all();
}

}  // namespace c1m::runtime
