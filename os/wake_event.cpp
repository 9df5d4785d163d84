// eventfd; see wake_event.hpp.
#include "os/wake_event.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>
#include <tuple>

#include "os/assert.hpp"

namespace c1m::os {

Result<WakeEvent> WakeEvent::create() {
  Descriptor event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!event.is_open()) return last_error("eventfd");
  return WakeEvent(std::move(event));
}

void WakeEvent::signal() {
  // The counter would need 2^64 - 1 signals to be full, so the only failure is a closed descriptor.
  const std::uint64_t one = 1;
  const ssize_t written = ::write(event_.get(), &one, sizeof one);
  C1M_ASSERT(written == sizeof one, "a wake event is open while others may signal it");
}

void WakeEvent::wait() const {
  pollfd signalled{.fd = event_.get(), .events = POLLIN, .revents = 0};
  std::ignore = ::poll(&signalled, 1, -1);
}

}  // namespace c1m::os
