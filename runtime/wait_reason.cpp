// Names for dumps; see wait_reason.hpp.
#include "runtime/wait_reason.hpp"

namespace c1m::runtime {

const char* name_of(WaitReason reason) {
  switch (reason) {
    case WaitReason::none:
      return "no reason given";
    case WaitReason::sleep:
      return "sleep";
    case WaitReason::read:
      return "read";
    case WaitReason::write:
      return "write";
    case WaitReason::accept:
      return "accept";
    case WaitReason::connect:
      return "connect";
    case WaitReason::blocking:
      return "blocking call";
    case WaitReason::ticker:
      return "ticker";
    case WaitReason::mutex:
      return "mutex";
    case WaitReason::wait_group:
      return "wait group";
    case WaitReason::timer:
      return "timer";
    case WaitReason::name_lookup:
      return "name look-up";
    case WaitReason::cancellation:
      return "cancellation";
    case WaitReason::file:
      return "file";
    case WaitReason::join:
      return "join";
    case WaitReason::task_group:
      return "task group";
    case WaitReason::condition:
      return "condition";
    case WaitReason::semaphore:
      return "semaphore";
    case WaitReason::read_lock:
      return "read lock";
    case WaitReason::write_lock:
      return "write lock";
    case WaitReason::channel_send:
      return "channel send";
    case WaitReason::channel_receive:
      return "channel receive";
    case WaitReason::select:
      return "select";
    case WaitReason::ring:
      return "ring";
  }
  return "?";
}

}  // namespace c1m::runtime
