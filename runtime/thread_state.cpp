// thread_local behind calls that the optimizer cannot see through; see thread_state.hpp.
#include "runtime/thread_state.hpp"

namespace c1m::runtime {
namespace {

constinit thread_local Worker* worker_of_thread = nullptr;

}  // namespace

[[gnu::noinline]] Worker* current_worker() {
  Worker* worker = worker_of_thread;
  // Without a visible effect two calls could be folded into one, even when not inlined.
  asm volatile("" : "+r"(worker) : : "memory");
  return worker;
}

[[gnu::noinline]] void set_current_worker(Worker* worker) {
  worker_of_thread = worker;
  asm volatile("" : : : "memory");
}

}  // namespace c1m::runtime
