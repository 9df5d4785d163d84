// The meeting of a caller and its call; see detached_call.hpp.
#include "runtime/detached_call.hpp"

#include <algorithm>
#include <memory>
#include <utility>

#include "runtime/blocking.hpp"
#include "runtime/spawn.hpp"
#include "runtime/wait.hpp"

namespace c1m::runtime {

os::Result<void> call_detached(std::move_only_function<void()> call, WaitReason reason,
                               os::Nanoseconds deadline_ns, const Context& context) {
  constexpr const char* operation = "blocking call";
  Scheduler& scheduler = worker_of_caller().scheduler();
  if (auto allowed = context.check(operation); !allowed) return allowed;
  // Release and acquire: what the call has done is visible to the caller.
  const auto ended = std::make_shared<Atomic<bool>>(false);
  Wait wait(reason);
  auto spawned = spawn([ended, token = wait.token(), made = std::move(call)] mutable {
    blocking(std::ref(made));
    ended->store(true, std::memory_order_release);
    worker_of_caller().scheduler().wake(token);
  });
  if (!spawned) {
    wait.cancel();
    return spawned;
  }
  // stop() ends waits that have a timer, and has set its flag before it looks for them.
  wait.end_at(std::min(deadline_ns, TimerHeap::never - 1));
  if (!wait.end_on(context) || scheduler.stopped()) {
    wait.cancel();
  } else {
    wait.park();
  }
  if (ended->load(std::memory_order_acquire)) return {};
  if (auto allowed = context.check(operation); !allowed) return allowed;
  return os::fail(scheduler.stopped() ? ECANCELED : ETIMEDOUT, operation);
}

}  // namespace c1m::runtime
