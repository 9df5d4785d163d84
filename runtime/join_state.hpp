// What a task and whoever joins it share: the end of the task, and what it has left behind.
// Invariants: it lives on the heap, for as long as either refers to it, so neither reaches into the
// other's stack; what the task did is visible to who has seen its end. An exception is never lost
// without a word: if nobody takes it, and nobody has said that nobody will, the last to let go ends
// the process with a message that names the task, as an exception does that leaves a coroutine's
// function. Threads: finish() by the task; waits by one at a time, a coroutine or a plain thread.
// Not here: who may join how often (join_handle.hpp, task_group.hpp).
#pragma once

#include <exception>
#include <source_location>
#include <type_traits>
#include <utility>
#include <variant>

#include "os/result.hpp"
#include "runtime/cancellation.hpp"
#include "runtime/holder_mark.hpp"
#include "runtime/join_word.hpp"
#include "runtime/reference.hpp"
#include "runtime/wait_reason.hpp"
#include "runtime/waker.hpp"

namespace c1m::runtime {

// An end that can be waited for.
class Completion {
 public:
  Completion() = default;
  Completion(const Completion&) = delete;
  Completion& operator=(const Completion&) = delete;
  ~Completion() = default;

  [[nodiscard]] bool finished() const { return word_.finished(); }
  // By the task, once; it keeps a reference until this has returned.
  void finish() { word_.finish(); }

  // Parks until finished.
  void wait(WaitReason reason);
  // The same, but fails with the context's error() once that is cancelled, and, if the context has
  // a deadline, with ECANCELED when the coroutine's runtime is stopped.
  [[nodiscard]] os::Result<void> wait(WaitReason reason, const Context& context);

  // Taken by the task when it begins, if there is one alone.
  HolderMark runner;

 private:
  [[nodiscard]] os::Result<void> give_up(const Context& context, bool stopped);

  JoinWord<Waker> word_;
};

// Ends the process: nobody has taken this exception of a task that was spawned there.
[[noreturn]] void report_untaken(const std::exception_ptr& exception,
                                 const std::source_location& where) noexcept;

// A task that returns a Value, or nothing.
template <class Value>
class JoinState : public Completion {
 public:
  explicit JoinState(const std::source_location& where) : where_(where) {}
  JoinState(const JoinState&) = delete;
  JoinState& operator=(const JoinState&) = delete;
  static void destroy(JoinState* state) { delete state; }

  // By the task: keeps what `function` returns or throws.
  template <class Function>
  void run(Function& function) {
    runner.take();
    try {
      if constexpr (std::is_void_v<Value>) {
        function();
        outcome_.template emplace<1>();
      } else {
        outcome_.template emplace<1>(function());
      }
    } catch (...) {
      outcome_.template emplace<2>(std::current_exception());
    }
  }

  // By who has seen its end, once.
  [[nodiscard]] Value take() {
    if (outcome_.index() == 2) {
      std::rethrow_exception(std::exchange(std::get<2>(outcome_), nullptr));
    }
    if constexpr (!std::is_void_v<Value>) return std::move(std::get<1>(outcome_));
  }

  // Nobody will take it. Before the last reference of who might have is dropped.
  void ignore() { ignored_ = true; }

  ReferenceCount references;

 private:
  using Kept = std::conditional_t<std::is_void_v<Value>, std::monostate, Value>;

  ~JoinState() {
    const auto* const exception = std::get_if<2>(&outcome_);
    if (exception != nullptr && *exception && !ignored_) report_untaken(*exception, where_);
  }

  const std::source_location where_;
  bool ignored_ = false;
  std::variant<std::monostate, Kept, std::exception_ptr> outcome_;
};

}  // namespace c1m::runtime
