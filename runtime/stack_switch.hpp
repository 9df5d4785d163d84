// Leaving one stack for another: the only place that knows boost.context, the exception globals of
// the C++ ABI and the sanitizers' notion of a fiber.
// Invariants: a coroutine runs on one thread at a time; its caught exceptions travel with it, in
// its frames; errno does not. Threads: resume() by the thread whose ThreadContext it is; suspend()
// on the coroutine.
#pragma once

#include <atomic>
#include <cstddef>
#include <span>

#include "runtime/cache_line.hpp"
#include "runtime/sanitizer.hpp"

namespace c1m::runtime {

class CoroutineContext;

// What the C++ ABI keeps per thread about exceptions being handled (__cxa_eh_globals, Itanium C++
// ABI, 2.2.2). A coroutine that parks inside a catch block takes its own along.
struct ExceptionGlobals {
  void* caught = nullptr;
  unsigned uncaught = 0;

  [[nodiscard]] bool any() const { return caught != nullptr || uncaught != 0; }
};

// What AddressSanitizer and ThreadSanitizer want to know of a stack.
struct SanitizerState {
  void* fiber = nullptr;
  void* fake_stack = nullptr;
  const void* bottom = nullptr;
  std::size_t bytes = 0;
};

// The first function of a coroutine: runs on its stack, and ends with suspend_for_ever().
using CoroutineEntry = void (*)(CoroutineContext& context);

// Where a thread continues when the coroutine that it runs suspends. Coroutines that begin on the
// thread begin with `entry`: it is the same for all, so their contexts need not hold it.
class ThreadContext {
 public:
  explicit ThreadContext(CoroutineEntry entry) : entry_(entry) {}

  // Remembers what belongs to the calling thread; to be called on it before the first resume().
  void attach();

 private:
  friend class CoroutineContext;
  friend struct SwitchTarget;
  const CoroutineEntry entry_;
  void* point_ = nullptr;
  ExceptionGlobals* globals_ = nullptr;
  CoroutineContext* running_ = nullptr;
#if C1M_ASAN || C1M_TSAN
  SanitizerState sanitizer_;
#endif
};

// Where a coroutine continues when it is resumed.
class CoroutineContext {
 public:
  // Prepares `stack` so that the first resume() calls the thread's entry with this.
  void prepare(std::span<std::byte> stack);

  // Runs the coroutine on the calling thread until it suspends.
  void resume(ThreadContext& thread);

  // On the coroutine: continues the thread that runs it, `thread`. Returns when the coroutine is
  // resumed, perhaps by another thread.
  void suspend(ThreadContext& thread);
  [[noreturn]] void suspend_for_ever(ThreadContext& thread);

  // Frees what the sanitizers keep, after the coroutine has suspended for ever.
  void release();

  // The lowest byte of the stack that must outlast the suspension; nullptr when prepare() is yet to
  // come.
  [[nodiscard]] std::byte* saved_point() const {
    return static_cast<std::byte*>(point_.load(std::memory_order_relaxed));
  }

  // Fetches into the cache what resume() and the functions it returns to read first. A hint, by any
  // thread: nothing is looked at.
  void prefetch_frames() const {
    const std::byte* const point = saved_point();
    if (point == nullptr) return;
    for (std::size_t line = 0; line < 4; ++line)
      __builtin_prefetch(point + line * cache_line_bytes);
  }
  // Where that is kept, for who looks while it may change (racy_read.hpp).
  [[nodiscard]] const void* saved_point_address() const {
    return static_cast<const void*>(&point_);
  }

 private:
  friend struct SwitchTarget;
  ThreadContext& leave_for(ThreadContext& thread);
  void suspend_while_handling(ThreadContext& thread);

  // The owner's. Atomic, because others may look at it for a hint.
  std::atomic<void*> point_ = nullptr;
#if C1M_ASAN || C1M_TSAN
  SanitizerState sanitizer_;
#endif
};

}  // namespace c1m::runtime
