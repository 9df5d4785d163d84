// Finding the slot, or the freezable stack, that an address lies in; see frame_check.hpp.
#include "runtime/frame_check.hpp"

#include <string>

#include "os/assert.hpp"
#include "runtime/scheduler.hpp"
#include "runtime/thread_state.hpp"
#include "runtime/worker.hpp"

namespace c1m::runtime {

void assert_reachable(const void* object, const char* primitive) {
  Worker* const worker = current_worker();
  if (worker == nullptr || !worker->runs_coroutine()) return;
  const Coroutine& caller = worker->current();
  const StackSlot* const slot = worker->scheduler().slots().slot_at(object);
  const Coroutine* const owner = worker->scheduler().freezer().owner_of(object);
  if (slot == nullptr && (owner == nullptr || owner == &caller)) return;
  // Its own frames, which are all above this one, are where they belong while it runs.
  if (slot != nullptr && caller.home.slot() == slot && object > __builtin_frame_address(0)) return;
  const std::source_location where = caller.where.load();
  const std::string message =
      std::string(primitive) + ": coroutine " + std::to_string(caller.index) + ", spawned at " +
      where.file_name() + ":" + std::to_string(where.line()) +
      ", uses an object on the stack of a compact or freezable coroutine that is not running. Keep "
      "what others "
      "reach on the heap, or spawn its owner with StackPolicy::dedicated (stack_policy.hpp)";
  os::assertion_failed("object is reachable", where.file_name(), static_cast<int>(where.line()),
                       message.c_str());
}

}  // namespace c1m::runtime
