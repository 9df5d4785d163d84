// When the kernel received what a socket reads (SO_TIMESTAMPING, software): the time at which the
// network stack took the packet, before the reader was woken.
//
// The stamp is CLOCK_REALTIME (Documentation/networking/timestamping.rst), so compare it with
// realtime_ns() only. The kernel begins to stamp some time after the first socket asked for it, so
// that the first packets may have none. Threads: any; a socket has one owner. Not here: stamps of
// network cards, and of sending.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

#include "os/clock.hpp"
#include "os/result.hpp"

namespace c1m::os {

// Asks for stamps on what `fd` receives from now on.
[[nodiscard]] Result<void> enable_receive_timestamps(int fd);

struct StampedRead {
  std::size_t bytes = 0;  // 0: the peer closed
  // Of the last packet of these bytes; nothing when it has none.
  std::optional<Nanoseconds> received_realtime_ns;
};

// As read_some(), with the stamp.
[[nodiscard]] Result<StampedRead> read_some_stamped(int fd, std::span<std::byte> buffer);

}  // namespace c1m::os
