// The platform's calls as the machine and its network answer them, the thread's own word, the
// records of threads that wait, and signal stacks, which virtual threads do without. Stands in the
// place of thread_state.cpp, thread_waiter.cpp and stack_overflow.cpp.
#include "runtime/model/model_platform.hpp"

#include <memory>
#include <utility>

#include "runtime/model/model_network.hpp"
#include "runtime/stack_overflow.hpp"
#include "runtime/thread_state.hpp"
#include "runtime/thread_waiter.hpp"

namespace c1m::runtime {

namespace platform {
namespace {

model::Machine& machine() {
  return *model::Machine::current();
}
model::Network& network() {
  return *model::Network::current();
}

}  // namespace

os::Nanoseconds monotonic_ns() {
  return machine().now_ns();
}

os::Nanoseconds coarse_monotonic_ns() {
  return machine().now_ns();
}

void sleep_for(os::Nanoseconds duration_ns) {
  machine().wait_until([] { return false; }, machine().now_ns() + duration_ns);
}

void futex_wait(Atomic<std::uint32_t>& word, std::uint32_t expected, os::Nanoseconds timeout_ns) {
  machine().system_call();
  // The kernel looks at the word under the lock that who wakes takes as well, after its change of
  // the word: so this look is at the latest value.
  if (word.fetch_add(0, std::memory_order_relaxed) != expected) return;
  machine().sleep_on(&word,
                     timeout_ns < 0 ? model::Machine::never : machine().now_ns() + timeout_ns);
}

void futex_wake_one(Atomic<std::uint32_t>& word) {
  machine().step();
  machine().system_call();
  machine().wake_one(&word);
}

void WakeEvent::signal() {
  network().signal_wake_event(number);
}

os::Result<void> Poller::add(int fd, std::uint32_t, std::uint64_t tag) {
  return network().add(fd, tag);
}
os::Result<void> Poller::remove(int fd) {
  network().remove(fd);
  return {};
}
os::Result<int> Poller::wait(std::span<epoll_event> events, os::Nanoseconds timeout_ns) {
  return network().wait(events, timeout_ns);
}

os::Result<os::Descriptor> accept_tcp(int listener, os::Blocking, const os::SocketOptions&) {
  return network().accept(listener);
}
os::Result<os::Descriptor> start_connect(const os::Endpoint& target,
                                         const std::optional<os::Endpoint>&,
                                         const os::SocketOptions&) {
  return network().connect(target.port());
}
os::Result<void> connect_result(int) {
  return {};
}
os::Result<std::size_t> read_some(int fd, std::span<std::byte> buffer) {
  return network().read(fd, buffer);
}
os::Result<std::size_t> write_some(int fd, std::span<const std::byte> bytes) {
  return network().write(fd, bytes);
}
// One part a call, which is a short count of its own.
os::Result<os::SentParts> write_some_parts(int fd,
                                           std::span<const std::span<const std::byte>> parts,
                                           std::size_t offset) {
  for (const std::span<const std::byte> part : parts) {
    if (offset >= part.size()) {
      offset -= part.size();
      continue;
    }
    const std::span<const std::byte> rest = part.subspan(offset);
    const auto sent = network().write(fd, rest);
    if (!sent) return std::unexpected(sent.error());
    return os::SentParts{.bytes = *sent, .was_short = *sent < rest.size()};
  }
  return os::SentParts{};
}
os::Result<void> shut_down_write(int fd) {
  return network().shut_down_write(fd);
}

// As many as chance wants, so that memory may run out at any of them.
os::Result<os::Guards> install_guards(std::byte* first, std::size_t bytes, std::size_t stride,
                                      std::size_t count, os::GuardKind kind) {
  if (network().runs_out_of_stacks()) return os::fail(ENOMEM, "madvise");
  const std::size_t some = 1 + machine().random() % count;
  return os::install_guards(first, bytes, stride, some, kind);
}
os::Result<void> release_memory(std::byte* pages, std::size_t bytes) {
  machine().step();
  machine().system_call();
  return os::release_memory(pages, bytes);
}

}  // namespace platform

Worker* current_worker() {
  return model::Machine::current()->worker_of_thread();
}
void set_current_worker(Worker* worker) {
  model::Machine::current()->worker_of_thread() = worker;
}

os::Result<void> install_overflow_report() {
  return {};
}
// In the kernel, whose locks order those that have a record after each other.
ThreadWaiter& ThreadWaiter::take() {
  model::Machine& machine = *model::Machine::current();
  machine.system_call();
  ThreadWaiter*& first = machine.free_waiters();
  if (first != nullptr) return *std::exchange(first, first->next);
  auto made = std::make_shared<ThreadWaiter>();
  machine.keep(made);
  return *made;
}

void ThreadWaiter::give_back() {
  model::Machine& machine = *model::Machine::current();
  machine.system_call();
  next = std::exchange(machine.free_waiters(), this);
}

SignalStack::SignalStack() = default;
SignalStack::~SignalStack() = default;

}  // namespace c1m::runtime
