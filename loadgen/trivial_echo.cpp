// The child's loop; see trivial_echo.hpp.
#include "loadgen/trivial_echo.hpp"

#include <unistd.h>

#include <array>
#include <csignal>
#include <span>
#include <vector>

#include "os/poller.hpp"

namespace c1m::loadgen {
namespace {

constexpr std::uint32_t loopback_address = 0x7f000001;
constexpr std::size_t buffer_bytes = 64 * 1024;

void accept_one(int listener, os::Poller& poller) {
  // Blocking, so that an answer is written whole; the generator never stops reading.
  auto accepted = os::accept_tcp(listener, os::Blocking::yes, {});
  if (!accepted) return;
  const int fd = accepted->get();
  // Kept open until the other end closes.
  if (poller.add(fd, EPOLLIN, static_cast<std::uint64_t>(fd))) std::ignore = accepted->release();
}

void echo_once(int fd, std::span<std::byte> buffer) {
  const auto got = os::read_some(fd, buffer);
  if (!got || *got == 0) {
    ::close(fd);  // also ends its registration with the poller
    return;
  }
  for (std::size_t sent = 0; sent < *got;) {
    const auto given =
        os::write_some(fd, std::span<const std::byte>(buffer).subspan(sent, *got - sent));
    if (!given) return;  // the next read says why
    sent += *given;
  }
}

int serve(int listener, const std::optional<os::CpuSet>& cpus) {
  // The parent decides what a signal to the whole process group means, and ends this process.
  std::signal(SIGINT, SIG_IGN);
  std::signal(SIGTERM, SIG_IGN);
  if (cpus && !os::bind_to(*cpus)) return 1;
  auto poller = os::Poller::create();
  const auto tag = static_cast<std::uint64_t>(listener);
  if (!poller || !poller->add(listener, EPOLLIN, tag)) return 1;
  std::vector<std::byte> buffer(buffer_bytes);
  std::array<epoll_event, 256> events{};
  while (true) {
    const auto ready = poller->wait(events, -1);
    const auto count = static_cast<std::size_t>(ready.value_or(0));
    for (const epoll_event& event : std::span(events).first(count)) {
      if (event.data.u64 == tag) {
        accept_one(listener, *poller);
      } else {
        echo_once(static_cast<int>(event.data.u64), buffer);
      }
    }
  }
}

}  // namespace

os::Result<TrivialEcho> TrivialEcho::start(const std::optional<os::CpuSet>& cpus) {
  auto listener = os::listen_tcp(os::Endpoint::ipv4(loopback_address, 0), {});
  if (!listener) return std::unexpected(listener.error());
  const auto endpoint = os::local_endpoint(listener->get());
  if (!endpoint) return std::unexpected(endpoint.error());
  auto child = os::fork_child([&] { return serve(listener->get(), cpus); });
  if (!child) return std::unexpected(child.error());
  return TrivialEcho(*std::move(child), *endpoint);
}

TrivialEcho::~TrivialEcho() {
  if (!child_) return;
  static_cast<void>(child_->signal(SIGKILL));
  static_cast<void>(child_->wait());
}

}  // namespace c1m::loadgen
