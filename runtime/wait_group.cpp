// Entering the list, and waking all that stand in it; see wait_group.hpp.
#include "runtime/wait_group.hpp"

#include "os/assert.hpp"
#include "runtime/frame_check.hpp"
#include "runtime/safeguard.hpp"
#include "runtime/wait.hpp"

namespace c1m::runtime {

WaitGroup::~WaitGroup() {
  C1M_ASSERT(word_.is_zero(), "a wait group is destroyed when all has come");
}

void WaitGroup::wait() {
  check_reachable(this, "WaitGroup::wait");
  if (word_.is_zero()) return;
  Wait wait(WaitReason::wait_group);
  Coroutine& self = wait.coroutine();
  Scheduler& scheduler = wait.scheduler();
  const Scheduler* others = scheduler_.exchange(&scheduler, std::memory_order_relaxed);
  C1M_ASSERT(others == nullptr || others == &scheduler, "who waits is of one runtime");
  const bool entered = word_.enter(self.index, [&](std::uint32_t first) {
    self.next = first == 0 ? nullptr : &scheduler.coroutine_at(first);
  });
  if (entered) {
    wait.park();
  } else {
    wait.cancel();
  }
}

void WaitGroup::wake(std::uint32_t first_waiter) {
  // Nothing of the group is touched after the first wake: it may be gone then.
  Scheduler& scheduler = *scheduler_.load(std::memory_order_relaxed);
  Coroutine* waiter = &scheduler.coroutine_at(first_waiter);
  while (waiter != nullptr) {
    // Read first: who has been woken uses its record for other things.
    Coroutine* next = in_force(Safeguard::group_list) ? waiter->next : nullptr;
    scheduler.wake(waiter->token());
    waiter = next;
  }
}

}  // namespace c1m::runtime
