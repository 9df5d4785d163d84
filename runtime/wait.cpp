// Who is calling, and the sources of a wait; see wait.hpp.
#include "runtime/wait.hpp"

#include <memory>

#include "os/assert.hpp"
#include "runtime/safeguard.hpp"

namespace c1m::runtime {

Worker& worker_of_caller() {
  Worker* worker = current_worker();
  C1M_ASSERT(worker != nullptr && worker->runs_coroutine(), "only a coroutine may call this");
  return *worker;
}

WaitSources& Wait::take_sources(Worker& worker) {
  void* block = worker.take_block(sizeof(WaitSources));
  return *std::construct_at(static_cast<WaitSources*>(block));
}

// Out of both lists first: then nobody else can reach the block.
void WaitSources::give_back() {
  if (in_force(Safeguard::timer_cancel)) timer.cancel();
  if (cancel_state != nullptr) cancel_state->remove(link);
  std::destroy_at(this);
  current_worker()->give_back_block(this, sizeof(WaitSources));
}

}  // namespace c1m::runtime
