// Keeping a coroutine where it is: on its processor, so that what it uses stays in that CPU's
// caches, or on its thread, for libraries that keep state per thread (Go's LockOSThread).
// Threads: made and destroyed by the coroutine that is kept. Not here: choosing which processor.
#pragma once

#include <utility>

#include "os/result.hpp"

namespace c1m::runtime {

struct Coroutine;

// The number of the processor that runs the calling coroutine, from 0.
[[nodiscard]] unsigned current_processor();

// While this lives, the calling coroutine runs on the processor on which it was made: no other
// takes it. It waits for that processor also when others are free. When Runtime::set_processors()
// takes the processor away, the pin moves to another one, which moved() tells. One at a time.
class [[nodiscard]] ProcessorPin {
 public:
  ProcessorPin();
  ~ProcessorPin();
  ProcessorPin(const ProcessorPin&) = delete;
  ProcessorPin& operator=(const ProcessorPin&) = delete;

  [[nodiscard]] unsigned processor() const;
  [[nodiscard]] bool moved() const { return processor() != first_processor_; }

 private:
  Coroutine& coroutine_;
  const unsigned first_processor_;
};

// While this lives, the calling coroutine runs on the thread on which it was made and that thread
// runs nothing else. When the coroutine waits or yields, its processor goes to another thread,
// which costs some microseconds, and again when it goes on. One at a time; not together with a pin.
class [[nodiscard]] ThreadLock {
 public:
  // EAGAIN when the system has no thread left for the others.
  [[nodiscard]] static os::Result<ThreadLock> acquire();
  ThreadLock(ThreadLock&& other) noexcept : coroutine_(std::exchange(other.coroutine_, nullptr)) {}
  ThreadLock& operator=(ThreadLock&&) = delete;
  ~ThreadLock();

 private:
  explicit ThreadLock(Coroutine& coroutine) : coroutine_(&coroutine) {}
  Coroutine* coroutine_;
};

}  // namespace c1m::runtime
