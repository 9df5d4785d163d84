// What happens when a coroutine runs off its stack: the guard faults, and a handler on a stack of
// its own says which coroutine it was and aborts. Threads: install_overflow_report() by any; a
// SignalStack for each thread that runs coroutines. Not here: growing stacks, nor telling how deep
// the calls were.
#pragma once

#include <signal.h>

#include <cstddef>
#include <memory>

#include "os/result.hpp"

namespace c1m::runtime {

// Handles SIGSEGV and SIGBUS for the process, once; other faults go to the handler before.
[[nodiscard]] os::Result<void> install_overflow_report();

// Gives the calling thread a stack for signal handlers, and its old one back in the end.
class SignalStack {
 public:
  SignalStack();
  ~SignalStack();
  SignalStack(const SignalStack&) = delete;
  SignalStack& operator=(const SignalStack&) = delete;

 private:
  std::unique_ptr<std::byte[]> memory_;
  stack_t before_{};
};

}  // namespace c1m::runtime
