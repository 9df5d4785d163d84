// Who is calling; see wait.hpp.
#include "runtime/wait.hpp"

#include "os/assert.hpp"

namespace c1m::runtime {

Worker& worker_of_caller() {
  Worker* worker = current_worker();
  C1M_ASSERT(worker != nullptr && worker->runs_coroutine(), "only a coroutine may call this");
  return *worker;
}

}  // namespace c1m::runtime
