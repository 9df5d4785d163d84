// The network of a model machine: listeners, connected pairs of sockets with small buffers, and one
// edge-triggered poller. Faults come by chance where a test wants them: EAGAIN though there is
// something to do, short reads and writes, events without a cause, polls that return early, and
// errors for want of descriptors or memory. Every fault is one that Linux may show: what was
// withheld is announced by an edge. Numbers are real descriptors (of an eventfd), so that the
// kernel reuses them as it does. Threads: the machine's virtual ones.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <span>
#include <string>

#include "os/descriptor.hpp"
#include "os/poller.hpp"
#include "os/result.hpp"
#include "os/wake_event.hpp"
#include "runtime/model/model_machine.hpp"

namespace c1m::runtime::model {

class Network {
 public:
  // One in so many calls shows the fault; 0: none.
  struct Faults {
    std::uint64_t would_block = 0;
    std::uint64_t short_count = 0;
    std::uint64_t false_event = 0;
    std::uint64_t early_return = 0;
    std::uint64_t no_descriptor = 0;  // EMFILE: accept, connect
    std::uint64_t no_memory = 0;      // ENOMEM: registration
    std::uint64_t no_stack = 0;       // ENOMEM: guards of stacks
  };

  explicit Network(const Faults& faults);
  ~Network();
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;
  // The one that exists; nullptr without.
  static Network* current();

  [[nodiscard]] os::Result<os::Descriptor> listen(std::uint16_t port);
  [[nodiscard]] os::Result<os::Descriptor> connect(std::uint16_t port);
  [[nodiscard]] os::Result<os::Descriptor> accept(int listener);
  [[nodiscard]] os::Result<std::size_t> read(int fd, std::span<std::byte> buffer);
  [[nodiscard]] os::Result<std::size_t> write(int fd, std::span<const std::byte> bytes);
  [[nodiscard]] os::Result<void> shut_down_write(int fd);

  [[nodiscard]] os::Result<void> add(int fd, std::uint64_t tag);
  // Out of the poller, and closed: the runtime does the one right before the other.
  void remove(int fd);
  void signal_wake_event(int fd);
  int wait(std::span<epoll_event> events, os::Nanoseconds timeout_ns);
  [[nodiscard]] bool runs_out_of_stacks() { return happens(faults_.no_stack); }

 private:
  struct Socket {
    std::string inbox;
    int peer = -1;
    bool ended = false;        // no more bytes will come
    bool wants_space = false;  // a write has found the peer's inbox full
    std::uint16_t port = 0;    // of a listener
    std::deque<int> backlog;   // of a listener
    bool registered = false;
    std::uint64_t tag = 0;
    std::uint32_t pending = 0;  // edges that the poller has not reported
  };

  [[nodiscard]] bool happens(std::uint64_t one_in);
  [[nodiscard]] os::Result<os::Descriptor> new_number();
  [[nodiscard]] Socket* find(int fd);
  void edge(int fd, std::uint32_t events);
  void close(int fd);
  void close_abandoned();
  [[nodiscard]] std::uint32_t ready_now(const Socket& socket);
  [[nodiscard]] bool has_pending() const;

  const Faults faults_;
  os::WakeEvent original_;  // what the numbers are duplicates of
  std::map<int, Socket> sockets_;
};

}  // namespace c1m::runtime::model
