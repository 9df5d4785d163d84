// The fault handler; see stack_overflow.hpp. It must not allocate, lock or use stdio.
#include "runtime/stack_overflow.hpp"

#include <unistd.h>

#include <array>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <source_location>

#include "os/assert.hpp"
#include "runtime/scheduler.hpp"
#include "runtime/thread_state.hpp"
#include "runtime/worker.hpp"

namespace c1m::runtime {
namespace {

constexpr std::size_t signal_stack_bytes = 64 * 1024;

struct sigaction before_segv;
struct sigaction before_bus;

void put(const char* text) {
  // Nothing is left to do when stderr itself fails.
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, text, std::strlen(text));
}

void put(std::uint64_t number) {
  std::array<char, 24> digits{};
  std::to_chars(digits.data(), digits.data() + digits.size() - 1, number);
  put(digits.data());
}

// The running coroutine, if `address` lies in the guard of its stack.
Coroutine* overflowed_coroutine(const void* address, std::size_t& stack_bytes) {
  Worker* worker = current_worker();
  if (worker == nullptr || !worker->runs_coroutine()) return nullptr;
  const StackPool& stacks = worker->scheduler().stacks();
  const auto guard = stacks.guard(worker->current().home.stack());
  stack_bytes = stacks.stack_bytes();
  const bool inside = address >= guard.data() && address < guard.data() + guard.size();
  return inside ? &worker->current() : nullptr;
}

void pass_on(int signal, siginfo_t* info, void* context) {
  const struct sigaction& before = signal == SIGSEGV ? before_segv : before_bus;
  if ((before.sa_flags & SA_SIGINFO) != 0) {
    before.sa_sigaction(signal, info, context);
  } else if (before.sa_handler == SIG_DFL || before.sa_handler == SIG_IGN) {
    ::signal(signal, SIG_DFL);  // the instruction faults again and ends the process
  } else {
    before.sa_handler(signal);
  }
}

void handle_fault(int signal, siginfo_t* info, void* context) {
  std::size_t stack_bytes = 0;
  const Coroutine* coroutine = overflowed_coroutine(info->si_addr, stack_bytes);
  if (coroutine == nullptr) {
    pass_on(signal, info, context);
    return;
  }
  const std::source_location where = coroutine->where.load(std::memory_order_relaxed);
  put("c1m runtime: coroutine ");
  put(std::uint64_t{coroutine->index});
  put(", spawned at ");
  put(where.file_name());
  put(":");
  put(std::uint64_t{where.line()});
  put(" in ");
  put(where.function_name());
  put(", overflowed its stack of ");
  put(std::uint64_t{stack_bytes});
  put(" bytes (RuntimeOptions::stack_bytes)\n");
  std::abort();
}

os::Result<void> install() {
  struct sigaction action{};
  action.sa_sigaction = handle_fault;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
  ::sigemptyset(&action.sa_mask);
  if (::sigaction(SIGSEGV, &action, &before_segv) != 0) return os::last_error("sigaction(SIGSEGV)");
  if (::sigaction(SIGBUS, &action, &before_bus) != 0) return os::last_error("sigaction(SIGBUS)");
  return {};
}

}  // namespace

os::Result<void> install_overflow_report() {
  static const os::Result<void> installed = install();
  return installed;
}

SignalStack::SignalStack() : memory_(std::make_unique<std::byte[]>(signal_stack_bytes)) {
  stack_t mine{};
  mine.ss_sp = memory_.get();
  mine.ss_size = signal_stack_bytes;
  const int set = ::sigaltstack(&mine, &before_);
  C1M_ASSERT(set == 0, "a signal stack of 64 KiB is large enough");
}

SignalStack::~SignalStack() {
  ::sigaltstack(&before_, nullptr);
}

}  // namespace c1m::runtime
