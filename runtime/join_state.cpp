// Waiting for a task's end, and the end of a process whose task has failed unheard; see
// join_state.hpp.
#include "runtime/join_state.hpp"

#include <cstdio>
#include <string>
#include <thread>

#include "runtime/any_wait.hpp"
#include "runtime/yield.hpp"

namespace c1m::runtime {
namespace {

void give_way() {
  Worker* const worker = current_worker();
  if (worker != nullptr && worker->runs_coroutine()) {
    worker->yield();
  } else {
    std::this_thread::yield();
  }
}

[[noreturn]] void report(const char* what, const std::source_location& where) {
  const std::string text = std::string("c1m runtime: nobody has taken the exception of a task, ") +
                           "spawned at " + where.file_name() + ":" + std::to_string(where.line()) +
                           " in " + where.function_name() + ": " + what + "\n";
  std::fputs(text.c_str(), stderr);
  std::terminate();
}

}  // namespace

void Completion::wait(WaitReason reason) {
  if (finished()) return;
  AnyWait wait(reason, &runner);
  if (word_.enter(wait.waker())) {
    wait.park_for_one();
  } else {
    wait.cancel();
  }
}

os::Result<void> Completion::wait(WaitReason reason, const Context& context) {
  if (finished()) return {};
  if (auto allowed = context.check("join"); !allowed) return allowed;
  const bool timed = context.deadline_ns() != no_deadline;
  // What a context may end as well is in no circle.
  AnyWait wait(reason, context.can_be_cancelled() ? nullptr : &runner);
  if (!word_.enter(wait.waker())) {
    wait.cancel();
    return {};
  }
  // stop() ends waits that have a timer, and has set its flag before it looks for them.
  if (!wait.end_on(context) || (timed && wait.stopped())) {
    wait.cancel();
  } else {
    wait.park_for_one();
  }
  return give_up(context, timed && wait.stopped());
}

// The wait has ended, by the task or by something else.
os::Result<void> Completion::give_up(const Context& context, bool stopped) {
  if (word_.leave()) {
    if (auto allowed = context.check("join"); !allowed) return allowed;
    return os::fail(stopped ? ECANCELED : ETIMEDOUT, "join");
  }
  while (!word_.is_settled()) give_way();
  return {};
}

void report_untaken(const std::exception_ptr& exception,
                    const std::source_location& where) noexcept {
  try {
    std::rethrow_exception(exception);
  } catch (const std::exception& error) {
    report(error.what(), where);
  } catch (...) {
    report("not a std::exception", where);
  }
}

}  // namespace c1m::runtime
