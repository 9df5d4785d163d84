// Both ends of one connection in one thread; see generator_floor.hpp.
#include "loadgen/generator_floor.hpp"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "loadgen/accounting.hpp"
#include "loadgen/echo_exchange.hpp"
#include "loadgen/payload.hpp"
#include "os/clock.hpp"
#include "os/poller.hpp"
#include "os/socket.hpp"

namespace c1m::loadgen {
namespace {

constexpr std::uint32_t loopback_address = 0x7f000001;
constexpr os::Nanoseconds give_up_ns = 5 * os::ns_per_s;

struct Loopback {
  os::Descriptor near_end;
  os::Descriptor far_end;
};

os::Result<Loopback> connect_loopback() {
  os::ListenOptions options;
  options.non_blocking = false;
  auto listener = os::listen_tcp(os::Endpoint::ipv4(loopback_address, 0), options);
  if (!listener) return std::unexpected(listener.error());
  const auto endpoint = os::local_endpoint(listener->get());
  if (!endpoint) return std::unexpected(endpoint.error());
  auto near_end = os::start_connect(*endpoint, std::nullopt, {});
  if (!near_end) return std::unexpected(near_end.error());
  auto far_end = os::accept_tcp(listener->get(), os::Blocking::no, {});
  if (!far_end) return std::unexpected(far_end.error());
  return Loopback{.near_end = *std::move(near_end), .far_end = *std::move(far_end)};
}

// Sends requests one at a time and plays the server in between.
class FloorProbe {
 public:
  FloorProbe(std::uint32_t message_bytes, os::Poller poller)
      : payload_(message_bytes, 1),
        poller_(std::move(poller)),
        exchange_({.first = 0, .count = 1}, {.in_all = 1}, payload_, clock_, poller_, accounting_),
        bytes_(message_bytes) {}

  os::Result<measure::GeneratorFloor> run(std::uint32_t exchanges) {
    auto loopback = connect_loopback();
    if (!loopback) return std::unexpected(loopback.error());
    far_end_ = std::move(loopback->far_end);
    exchange_.connection(0).fd = loopback->near_end.release();
    auto added = poller_.add(exchange_.connection(0).fd, EPOLLOUT, 0);
    if (!added) return std::unexpected(added.error());
    exchange_.adopt(0);
    // Requests before the window are a warm-up.
    const os::Nanoseconds begin_ns = clock_.now_ns();
    const os::Nanoseconds far_ns = begin_ns + 2 * give_up_ns;
    accounting_.open_window({.start_ns = far_ns, .end_ns = far_ns + 1});
    for (std::uint32_t count = 0; count < exchanges / 10; ++count) {
      if (auto echoed = round_trip(begin_ns + give_up_ns); !echoed) {
        return std::unexpected(echoed.error());
      }
    }
    Accounting measured(LoopKind::closed, give_up_ns);
    std::swap(accounting_, measured);
    const os::Nanoseconds start_ns = clock_.now_ns();
    accounting_.open_window({.start_ns = start_ns, .end_ns = start_ns + 2 * give_up_ns});
    for (std::uint32_t count = 0; count < exchanges; ++count) {
      if (auto echoed = round_trip(start_ns + give_up_ns); !echoed) {
        return std::unexpected(echoed.error());
      }
    }
    measure::LoadShardResult result;
    accounting_.write_to(result);
    return measure::GeneratorFloor{.message_bytes = static_cast<std::uint32_t>(bytes_.size()),
                                   .round_trip_ns = std::move(result.service_ns)};
  }

 private:
  os::Result<void> round_trip(os::Nanoseconds deadline_ns) {
    exchange_.issue(0, clock_.now_ns());
    while (exchange_.outstanding() > 0) {
      if (exchange_.established() == 0) return os::fail(ECONNRESET, "floor");
      if (clock_.now_ns() > deadline_ns) return os::fail(ETIMEDOUT, "floor");
      if (auto echoed = echo(); !echoed) return echoed;
      const auto ready = poller_.wait(events_, 0);
      if (ready.value_or(0) > 0) exchange_.handle(0, events_[0].events);
    }
    return {};
  }

  // What has arrived at the far end goes back; the socket holds a whole message.
  os::Result<void> echo() {
    const auto got = os::read_some(far_end_.get(), bytes_);
    if (!got && os::would_block(got.error())) return {};
    if (!got) return std::unexpected(got.error());
    const auto given = os::write_some(far_end_.get(), std::span(bytes_).first(*got));
    if (!given) return std::unexpected(given.error());
    return *given == *got ? os::Result<void>() : os::fail(ENOBUFS, "floor");
  }

  os::MonotonicClock clock_;
  Payload payload_;
  os::Poller poller_;
  Accounting accounting_{LoopKind::closed, give_up_ns};
  EchoExchange exchange_;
  os::Descriptor far_end_;
  std::vector<std::byte> bytes_;
  std::array<epoll_event, 1> events_{};
};

}  // namespace

os::Result<measure::GeneratorFloor> measure_floor(std::uint32_t message_bytes,
                                                  std::uint32_t exchanges) {
  auto poller = os::Poller::create();
  if (!poller) return std::unexpected(poller.error());
  FloorProbe probe(std::min(message_bytes, floor_message_bytes_max), *std::move(poller));
  return probe.run(exchanges);
}

}  // namespace c1m::loadgen
