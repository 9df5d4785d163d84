// epoll, typed: registrations carry a 64-bit tag, waits fill a caller's span.
// Threads: add, modify and remove may be called from any thread; wait() by one thread at a time.
#pragma once

#include <sys/epoll.h>

#include <cstdint>
#include <span>

#include "os/clock.hpp"
#include "os/descriptor.hpp"
#include "os/result.hpp"

namespace c1m::os {

class Poller {
 public:
  [[nodiscard]] static Result<Poller> create();

  // `events` is an EPOLL* mask; `tag` comes back in epoll_event::data.u64.
  [[nodiscard]] Result<void> add(int fd, std::uint32_t events, std::uint64_t tag);
  [[nodiscard]] Result<void> modify(int fd, std::uint32_t events, std::uint64_t tag);
  [[nodiscard]] Result<void> remove(int fd);

  // Waits until an event or `timeout_ns` (negative: for ever; 0: only look). Returns how many of
  // `events` were filled; 0 after the timeout or a signal.
  [[nodiscard]] Result<int> wait(std::span<epoll_event> events, Nanoseconds timeout_ns);

  [[nodiscard]] int descriptor() const { return epoll_.get(); }

 private:
  explicit Poller(Descriptor epoll) : epoll_(std::move(epoll)) {}
  Descriptor epoll_;
};

}  // namespace c1m::os
