// The way from the coroutine's stack to the worker's; see blocking.hpp.
#include "runtime/blocking.hpp"

#include "runtime/wait.hpp"

namespace c1m::runtime {

void call_blocking(void (*function)(void* argument), void* argument, WaitReason reason) {
  worker_of_caller().call_blocking({function, argument, reason});
}

}  // namespace c1m::runtime
