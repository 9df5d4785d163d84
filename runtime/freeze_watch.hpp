// The thread that freezes idle stacks when the policy says so. A thread of its own, and not the
// monitor, because a freeze of many takes long (a million: about a second), while the monitor has
// duties every 10 ms and does not exist with one processor. Invariant: it holds no processor and
// runs no coroutine. Threads: start and stop by who runs the runtime. Not here: freezing
// (freezer.hpp).
#pragma once

#include "os/memory_pressure.hpp"
#include "os/result.hpp"
#include "runtime/atomic.hpp"
#include "runtime/freeze_policy.hpp"
#include "runtime/platform.hpp"

namespace c1m::runtime {

class Freezer;

class FreezeWatch {
 public:
  FreezeWatch(Freezer& freezer, const FreezePolicy& policy) : freezer_(freezer), policy_(policy) {}
  ~FreezeWatch() { stop(); }
  FreezeWatch(const FreezeWatch&) = delete;
  FreezeWatch& operator=(const FreezeWatch&) = delete;

  // EINVAL for a policy outside its ranges; the error of the system when it does not tell what the
  // policy asks for.
  [[nodiscard]] static os::Result<void> check(const FreezePolicy& policy);

  // What FreezeWhen::pressure goes by.
  [[nodiscard]] static bool is_short(const os::MemoryPressure& pressure);

  // Nothing when the policy freezes nobody. Fails when the system has no thread left.
  [[nodiscard]] os::Result<void> start();
  void stop();

 private:
  [[nodiscard]] bool memory_is_short() const;
  [[nodiscard]] os::Nanoseconds interval_ns() const;

  Freezer& freezer_;
  const FreezePolicy policy_;
  platform::Thread thread_;
  Atomic<std::uint32_t> stopping_ = 0;
};

}  // namespace c1m::runtime
