// Giving way; see yield.hpp.
#include "runtime/yield.hpp"

#include "runtime/thread_state.hpp"
#include "runtime/wait.hpp"

namespace c1m::runtime {

void yield() {
  worker_of_caller().yield();
}

void give_way_if_due() {
  Worker* const worker = current_worker();
  if (worker == nullptr || !worker->runs_coroutine() || !worker->spend_budget()) return;
  worker->poll_soon();
  worker->yield();
}

}  // namespace c1m::runtime
