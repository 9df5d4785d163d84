// What runtime/platform.hpp names, on the model machine: threads are virtual, a futex may return
// for no reason, time is the machine's, and descriptors are the machine's network's.
// Threads: the machine's virtual ones; all functions are called inside of Machine::run().
#pragma once

#include <functional>
#include <optional>
#include <utility>

#include "os/address_space.hpp"
#include "os/assert.hpp"
#include "os/clock.hpp"
#include "os/poller.hpp"
#include "os/socket.hpp"
#include "runtime/atomic.hpp"
#include "runtime/model/model_machine.hpp"

namespace c1m::runtime::platform {

class Thread {
 public:
  Thread() = default;
  explicit Thread(std::function<void()> body)
      : number_(model::Machine::current()->start(std::move(body))) {}
  Thread(Thread&& other) noexcept : number_(std::exchange(other.number_, std::nullopt)) {}
  Thread& operator=(Thread&& other) noexcept {
    C1M_ASSERT(!joinable(), "a thread is joined");
    number_ = std::exchange(other.number_, std::nullopt);
    return *this;
  }
  ~Thread() { C1M_ASSERT(!joinable(), "a thread is joined"); }
  [[nodiscard]] bool joinable() const { return number_.has_value(); }
  void join() { model::Machine::current()->join(*std::exchange(number_, std::nullopt)); }

 private:
  std::optional<std::size_t> number_;
};

os::Nanoseconds monotonic_ns();
os::Nanoseconds coarse_monotonic_ns();
void sleep_for(os::Nanoseconds duration_ns);

inline bool prepare_process_fence() {
  return true;
}
inline void process_fence() {
  model::Machine::current()->fence_all();
}

void futex_wait(Atomic<std::uint32_t>& word, std::uint32_t expected, os::Nanoseconds timeout_ns);
void futex_wake_one(Atomic<std::uint32_t>& word);

// An event that ends a poll: an edge of its own.
class WakeEvent {
 public:
  [[nodiscard]] static os::Result<WakeEvent> create() { return WakeEvent(); }
  void signal();
  [[nodiscard]] int descriptor() const { return number; }
  static constexpr int number = 1'000'000;  // beyond those of sockets

  // Moved only, and not trivially, as the system's.
  WakeEvent(WakeEvent&&) noexcept {}

 private:
  WakeEvent() = default;
};

class Poller {
 public:
  [[nodiscard]] static os::Result<Poller> create() { return Poller(); }
  [[nodiscard]] os::Result<void> add(int fd, std::uint32_t events, std::uint64_t tag);
  [[nodiscard]] os::Result<void> remove(int fd);
  [[nodiscard]] os::Result<int> wait(std::span<epoll_event> events, os::Nanoseconds timeout_ns);

  // Moved only, and not trivially, as the system's.
  Poller(Poller&&) noexcept {}

 private:
  Poller() = default;
};

[[nodiscard]] os::Result<os::Descriptor> accept_tcp(int listener, os::Blocking blocking,
                                                    const os::SocketOptions& options);
[[nodiscard]] os::Result<os::Descriptor> start_connect(const os::Endpoint& target,
                                                       const std::optional<os::Endpoint>& source,
                                                       const os::SocketOptions& options);
[[nodiscard]] os::Result<void> connect_result(int fd);
[[nodiscard]] os::Result<std::size_t> read_some(int fd, std::span<std::byte> buffer);
[[nodiscard]] os::Result<std::size_t> write_some(int fd, std::span<const std::byte> bytes);
[[nodiscard]] os::Result<os::SentParts> write_some_parts(
    int fd, std::span<const std::span<const std::byte>> parts, std::size_t offset);
[[nodiscard]] os::Result<void> shut_down_write(int fd);

// The guards of stacks.
[[nodiscard]] os::Result<os::Guards> install_guards(std::byte* first, std::size_t bytes,
                                                    std::size_t stride, std::size_t count,
                                                    os::GuardKind kind);
[[nodiscard]] os::Result<void> release_memory(std::byte* pages, std::size_t bytes);

}  // namespace c1m::runtime::platform
