// Calling what blocks a thread (files, name look-ups, foreign libraries) without stopping the other
// coroutines of the processor.
// Threads: for coroutines only. Not here: limits on how many such calls go on at once: each that
// lasts keeps a thread of its own.
#pragma once

#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "runtime/wait_reason.hpp"

namespace c1m::runtime {

// Calls function(argument) on the worker's own stack, which is as large as any thread's.
void call_blocking(void (*function)(void* argument), void* argument, WaitReason reason);

// Calls `function` on the thread's own stack and returns what it returns, or throws what it throws.
// The coroutine keeps its processor if the call is short; when it lasts for some 100 us and other
// coroutines wait, another worker takes the processor over, and the coroutine is queued afterwards.
// `function` must not call what only coroutines may call. stop() does not end it. `reason` is for
// dumps.
template <class Function>
std::invoke_result_t<Function&> blocking(Function function,
                                         WaitReason reason = WaitReason::blocking) {
  using Value = std::invoke_result_t<Function&>;
  static_assert(!std::is_reference_v<Value>, "return a pointer instead");
  struct Call {
    Function& function;
    std::exception_ptr error;
    std::optional<std::conditional_t<std::is_void_v<Value>, bool, Value>> value;
  };
  Call call{function, nullptr, std::nullopt};
  call_blocking(
      [](void* argument) {
        Call& mine = *static_cast<Call*>(argument);
        try {
          if constexpr (std::is_void_v<Value>) {
            std::invoke(mine.function);
          } else {
            mine.value.emplace(std::invoke(mine.function));
          }
        } catch (...) {
          mine.error = std::current_exception();
        }
      },
      &call, reason);
  if (call.error) std::rethrow_exception(std::move(call.error));
  if constexpr (!std::is_void_v<Value>) return std::move(*call.value);
}

}  // namespace c1m::runtime
