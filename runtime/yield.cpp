// Giving way; see yield.hpp.
#include "runtime/yield.hpp"

#include "runtime/wait.hpp"

namespace c1m::runtime {

void yield() {
  worker_of_caller().yield();
}

}  // namespace c1m::runtime
