// Sockets as strings, and their edges; see model_network.hpp. Every call is a system call to the
// machine: the thread's stores are drained, and others may come in before it and after it.
#include "runtime/model/model_network.hpp"

#include <algorithm>
#include <cstring>
#include <tuple>
#include <utility>
#include <vector>

#include "os/assert.hpp"
#include "runtime/model/model_platform.hpp"

namespace c1m::runtime::model {
namespace {

Network* network_that_exists = nullptr;
constexpr std::size_t inbox_bytes_max = 8;

// Around what a call does in the kernel.
class SystemCall {
 public:
  SystemCall() {
    Machine::current()->step();
    Machine::current()->system_call();
  }
  SystemCall(const SystemCall&) = delete;
  SystemCall& operator=(const SystemCall&) = delete;
  ~SystemCall() { Machine::current()->step(); }
};

}  // namespace

Network::Network(const Faults& faults)
    : faults_(faults), original_(std::move(*os::WakeEvent::create())) {
  C1M_ASSERT(network_that_exists == nullptr, "one network at a time");
  network_that_exists = this;
}

Network::~Network() {
  network_that_exists = nullptr;
}

Network* Network::current() {
  return network_that_exists;
}

bool Network::happens(std::uint64_t one_in) {
  return one_in != 0 && Machine::current()->chance(one_in);
}

os::Result<os::Descriptor> Network::new_number() {
  auto number = os::duplicate(original_.descriptor());
  // The runtime has closed a number without a word: it is someone else's now.
  if (number) close(number->get());
  return number;
}

Network::Socket* Network::find(int fd) {
  const auto found = sockets_.find(fd);
  return found == sockets_.end() ? nullptr : &found->second;
}

void Network::edge(int fd, std::uint32_t events) {
  Socket* socket = find(fd);
  if (socket != nullptr && socket->registered) socket->pending |= events;
}

std::uint32_t Network::ready_now(const Socket& socket) {
  if (socket.port != 0) return socket.backlog.empty() ? 0U : EPOLLIN;
  std::uint32_t events = 0;
  if (!socket.inbox.empty() || socket.ended) events |= EPOLLIN;
  if (socket.ended) events |= EPOLLRDHUP;
  const Socket* peer = find(socket.peer);
  if (peer == nullptr || peer->inbox.size() < inbox_bytes_max) events |= EPOLLOUT;
  return events;
}

// --- sockets -------------------------------------------------------------------------------------

os::Result<os::Descriptor> Network::listen(std::uint16_t port) {
  const SystemCall call;
  auto number = new_number();
  if (number) sockets_[number->get()].port = port;
  return number;
}

os::Result<os::Descriptor> Network::connect(std::uint16_t port) {
  const SystemCall call;
  if (happens(faults_.no_descriptor)) return os::fail(EMFILE, "socket");
  const auto listener = std::ranges::find_if(
      sockets_, [port](const auto& entry) { return entry.second.port == port; });
  if (listener == sockets_.end()) return os::fail(ECONNREFUSED, "connect");
  auto near = new_number();
  auto far = new_number();
  if (!near || !far) return os::fail(EMFILE, "socket");
  sockets_[near->get()].peer = far->get();
  sockets_[far->get()].peer = near->get();
  edge(listener->first, EPOLLIN);
  listener->second.backlog.push_back(far->release());
  return near;
}

os::Result<os::Descriptor> Network::accept(int listener) {
  const SystemCall call;
  Socket& socket = *find(listener);
  if (socket.backlog.empty()) return os::fail(EAGAIN, "accept4");
  if (happens(faults_.would_block)) {
    edge(listener, EPOLLIN);
    return os::fail(EAGAIN, "accept4");
  }
  if (happens(faults_.no_descriptor)) return os::fail(EMFILE, "accept4");
  const int fd = socket.backlog.front();
  socket.backlog.pop_front();
  return os::Descriptor(fd);
}

os::Result<std::size_t> Network::read(int fd, std::span<std::byte> buffer) {
  const SystemCall call;
  Socket& socket = *find(fd);
  if (happens(faults_.would_block)) {
    edge(fd, ready_now(socket) & EPOLLIN);
    return os::fail(EAGAIN, "recv");
  }
  if (socket.inbox.empty()) {
    if (socket.ended) return 0;
    return os::fail(EAGAIN, "recv");
  }
  std::size_t count = std::min(buffer.size(), socket.inbox.size());
  if (count > 1 && happens(faults_.short_count)) {
    // As if the others came right after this call.
    count = 1 + Machine::current()->random() % (count - 1);
    edge(fd, EPOLLIN);
  }
  std::memcpy(buffer.data(), socket.inbox.data(), count);
  socket.inbox.erase(0, count);
  Socket* peer = find(socket.peer);
  if (peer != nullptr && std::exchange(peer->wants_space, false)) edge(socket.peer, EPOLLOUT);
  return count;
}

os::Result<std::size_t> Network::write(int fd, std::span<const std::byte> bytes) {
  const SystemCall call;
  Socket& socket = *find(fd);
  Socket* peer = find(socket.peer);
  if (peer == nullptr) return os::fail(EPIPE, "send");
  const std::size_t room = inbox_bytes_max - peer->inbox.size();
  if (room > 0 && happens(faults_.would_block)) {
    edge(fd, EPOLLOUT);
    return os::fail(EAGAIN, "send");
  }
  std::size_t count = std::min(room, bytes.size());
  if (count > 1 && happens(faults_.short_count)) {
    count = 1 + Machine::current()->random() % (count - 1);
    edge(fd, EPOLLOUT);
  } else if (count < bytes.size()) {
    socket.wants_space = true;
  }
  if (count == 0) return os::fail(EAGAIN, "send");
  peer->inbox.append(reinterpret_cast<const char*>(bytes.data()), count);
  edge(socket.peer, EPOLLIN);
  return count;
}

os::Result<void> Network::shut_down_write(int fd) {
  const SystemCall call;
  const int peer = find(fd)->peer;
  if (Socket* far = find(peer)) far->ended = true;
  edge(peer, EPOLLIN | EPOLLRDHUP);
  return {};
}

void Network::close(int fd) {
  const auto found = sockets_.find(fd);
  if (found == sockets_.end()) return;
  const Socket socket = std::move(found->second);
  sockets_.erase(found);
  for (const int pending : socket.backlog) {
    close(pending);
    os::Descriptor(pending).reset();
  }
  Socket* peer = find(socket.peer);
  if (peer == nullptr) return;
  peer->ended = true;
  peer->peer = -1;
  edge(socket.peer, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLHUP);
}

// A socket that could not be registered was closed by its Descriptor alone, without a word.
void Network::close_abandoned() {
  std::vector<int> abandoned;
  for (const auto& [fd, socket] : sockets_) {
    if (!socket.registered && !os::duplicate(fd)) abandoned.push_back(fd);
  }
  for (const int fd : abandoned) close(fd);
}

// --- the poller ----------------------------------------------------------------------------------

os::Result<void> Network::add(int fd, std::uint64_t tag) {
  if (fd == platform::WakeEvent::number) {
    sockets_[fd].registered = true;  // before anybody waits
    sockets_[fd].tag = tag;
    return {};
  }
  const SystemCall call;
  if (happens(faults_.no_memory)) return os::fail(ENOMEM, "epoll_ctl");
  Socket& socket = *find(fd);
  socket.registered = true;
  socket.tag = tag;
  socket.pending = ready_now(socket);
  return {};
}

void Network::remove(int fd) {
  const SystemCall call;
  close(fd);
}

void Network::signal_wake_event(int fd) {
  const SystemCall call;
  edge(fd, EPOLLIN);
}

bool Network::has_pending() const {
  return std::ranges::any_of(sockets_, [](const auto& entry) { return entry.second.pending != 0; });
}

int Network::wait(std::span<epoll_event> events, os::Nanoseconds timeout_ns) {
  const SystemCall call;
  if (happens(faults_.early_return)) return 0;
  Machine& machine = *Machine::current();
  const os::Nanoseconds deadline_ns =
      timeout_ns < 0 ? Machine::never : machine.now_ns() + timeout_ns;
  const auto has_news = [this] {
    close_abandoned();
    return has_pending();
  };
  if (timeout_ns != 0) machine.wait_until(has_news, deadline_ns);
  std::size_t count = 0;
  const std::size_t count_max = 1 + machine.random() % 4;
  for (auto& [fd, socket] : sockets_) {
    if (count == std::min(events.size(), count_max)) break;
    if (socket.registered && socket.port == 0 && happens(faults_.false_event)) {
      socket.pending |= EPOLLIN | EPOLLOUT;
    }
    if (socket.pending == 0) continue;
    epoll_event& event = events[count++];
    event.events = std::exchange(socket.pending, 0);
    event.data.u64 = socket.tag;
  }
  return static_cast<int>(count);
}

}  // namespace c1m::runtime::model
