// Waking those who wait; see cancellation.hpp.
#include "runtime/cancellation.hpp"

#include "os/assert.hpp"
#include "runtime/scheduler.hpp"

namespace c1m::runtime {

void CancelSource::cancel(int cause) const {
  C1M_ASSERT(cause != 0, "a cause is an errno");
  context_.state_->cancel(cause,
                          [](Scheduler* scheduler, WakeToken token) { scheduler->wake(token); });
}

}  // namespace c1m::runtime
