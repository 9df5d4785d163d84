// epoll; see poller.hpp. epoll_pwait2 (Linux 5.11) takes nanoseconds; older kernels get whole
// milliseconds, rounded up so that a wait is never too short.
#include "os/poller.hpp"

#include <atomic>
#include <limits>

namespace c1m::os {
namespace {

Result<void> control(int epoll, int operation, const char* name, int fd, std::uint32_t events,
                     std::uint64_t tag) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = tag;
  if (::epoll_ctl(epoll, operation, fd, &event) != 0) return last_error(name);
  return {};
}

int wait_whole_milliseconds(int epoll, std::span<epoll_event> events, Nanoseconds timeout_ns) {
  int timeout_ms = -1;
  if (timeout_ns >= 0) {
    const Nanoseconds rounded = (timeout_ns + ns_per_ms - 1) / ns_per_ms;
    timeout_ms = static_cast<int>(std::min<Nanoseconds>(rounded, std::numeric_limits<int>::max()));
  }
  return ::epoll_wait(epoll, events.data(), static_cast<int>(events.size()), timeout_ms);
}

int wait_nanoseconds(int epoll, std::span<epoll_event> events, Nanoseconds timeout_ns) {
  const timespec timeout{.tv_sec = timeout_ns / ns_per_s, .tv_nsec = timeout_ns % ns_per_s};
  return ::epoll_pwait2(epoll, events.data(), static_cast<int>(events.size()), &timeout, nullptr);
}

}  // namespace

Result<Poller> Poller::create() {
  Descriptor epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll.is_open()) return last_error("epoll_create1");
  return Poller(std::move(epoll));
}

Result<void> Poller::add(int fd, std::uint32_t events, std::uint64_t tag) {
  return control(epoll_.get(), EPOLL_CTL_ADD, "epoll_ctl(ADD)", fd, events, tag);
}

Result<void> Poller::modify(int fd, std::uint32_t events, std::uint64_t tag) {
  return control(epoll_.get(), EPOLL_CTL_MOD, "epoll_ctl(MOD)", fd, events, tag);
}

Result<void> Poller::remove(int fd) {
  return control(epoll_.get(), EPOLL_CTL_DEL, "epoll_ctl(DEL)", fd, 0, 0);
}

Result<int> Poller::wait(std::span<epoll_event> events, Nanoseconds timeout_ns) {
  static std::atomic<bool> has_pwait2 = true;
  int ready = -1;
  // Waits that need no fraction of a millisecond take the older call: it is a little cheaper.
  if (timeout_ns > 0 && has_pwait2.load(std::memory_order_relaxed)) {
    ready = wait_nanoseconds(epoll_.get(), events, timeout_ns);
    if (ready < 0 && errno == ENOSYS) {
      has_pwait2.store(false, std::memory_order_relaxed);
      ready = wait_whole_milliseconds(epoll_.get(), events, timeout_ns);
    }
  } else {
    ready = wait_whole_milliseconds(epoll_.get(), events, timeout_ns);
  }
  if (ready < 0) {
    if (errno == EINTR) return 0;
    return last_error("epoll_wait");
  }
  return ready;
}

}  // namespace c1m::os
