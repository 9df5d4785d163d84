// An exchange on socket pairs whose other ends the test plays, in virtual time: what the fixtures
// of all protocols have in common. Threads: the test's. Not here: what a protocol says
// (echo_exchange_fixture.hpp, websocket_exchange_fixture.hpp).
#pragma once

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include <gtest/gtest.h>

#include "loadgen/echo_exchange.hpp"
#include "os/socket.hpp"

namespace c1m::loadgen {

inline constexpr os::Nanoseconds ms = os::ns_per_ms;
inline constexpr os::Nanoseconds start_ns = 1'000 * ms;
inline constexpr measure::LoadWindow window{.start_ns = start_ns, .end_ns = start_ns + 1'000 * ms};

// Moves when told to, and by `tick_ns` at each look.
class TickingClock final : public os::Clock {
 public:
  explicit TickingClock(os::Nanoseconds now_ns) : now_ns_(now_ns) {}
  [[nodiscard]] os::Nanoseconds now_ns() const override { return now_ns_ += tick_ns; }
  void advance(os::Nanoseconds by_ns) { now_ns_ += by_ns; }

  os::Nanoseconds tick_ns = 0;

 private:
  mutable os::Nanoseconds now_ns_;
};

template <class Exchange>
class ExchangeTest : public testing::Test {
 protected:
  // A connected pair, our end of which is the connection's and waits for writability.
  void pair_up(std::uint32_t index) {
    std::array<int, 2> ends{};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()), 0);
    exchange->connection(index).fd = ends[0];
    peers.resize(std::max<std::size_t>(peers.size(), index + 1));
    peers[index] = os::Descriptor(ends[1]);
    ASSERT_TRUE(poller.add(ends[0], EPOLLOUT, index));
  }

  std::vector<std::byte> take_bytes(std::uint32_t index) {
    std::vector<std::byte> bytes(1 << 20);
    bytes.resize(os::read_some(peers[index].get(), bytes).value_or(0));
    return bytes;
  }
  void give(std::uint32_t index, std::span<const std::byte> bytes) {
    ASSERT_EQ(os::write_some(peers[index].get(), bytes), bytes.size());
  }

  struct Answered {
    std::uint32_t index = 0;
    std::uint32_t count = 0;
    friend bool operator==(const Answered&, const Answered&) = default;
  };

  // Handles what is ready; returns the answers.
  std::vector<Answered> handle_ready() {
    std::vector<Answered> answered;
    std::array<epoll_event, 16> events{};
    const int count = poller.wait(events, 0).value();
    for (int at = 0; at < count; ++at) {
      const auto& event = events.at(static_cast<std::size_t>(at));
      const auto index = static_cast<std::uint32_t>(event.data.u64);
      const std::uint32_t answers = exchange->handle(index, event.events);
      if (answers > 0) answered.push_back({index, answers});
    }
    return answered;
  }

  measure::LoadShardResult finish() {
    exchange->settle_rest();
    measure::LoadShardResult result;
    accounting.write_to(result);
    return result;
  }

  TickingClock clock{start_ns};
  os::Poller poller = os::Poller::create().value();
  Accounting accounting{LoopKind::open, 500 * ms};
  std::optional<Payload> payload;
  ConnectionRange range;
  std::unique_ptr<Exchange> exchange;
  std::vector<os::Descriptor> peers;
};

}  // namespace c1m::loadgen
