// A WebSocketExchange on socket pairs whose other ends the test plays, in virtual time.
#pragma once

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "loadgen/echo_exchange_fixture.hpp"
#include "loadgen/websocket_exchange.hpp"
#include "protocol/accept_key.hpp"
#include "protocol/message_reader.hpp"

namespace c1m::loadgen {

class WebSocketExchangeTest : public testing::Test {
 protected:
  using Opening = EchoExchange::Opening;
  using Opcode = protocol::Opcode;

  // One that a server's frame says.
  struct Frame {
    Opcode opcode = Opcode::binary;
    std::vector<std::byte> payload;
  };

  void prepare(std::uint32_t connections, std::size_t message_bytes = 64,
               std::size_t fragment_bytes = 0) {
    payload.emplace(message_bytes, 1);
    range = {.first = 40, .count = connections};
    exchange = std::make_unique<WebSocketExchange>(
        range, EchoExchange::InFlightLimits{.in_all = 1'000}, *payload, clock, poller, accounting,
        WebSocketTerms{.hosts = {"a.example:1", "b.example:2"},
                       .path = "/chat",
                       .message_bytes_max = message_bytes,
                       .fragment_bytes = fragment_bytes,
                       .secret = 9});
    accounting.open_window(window);
  }

  // Up to the request of the handshake.
  Opening connect(std::uint32_t index) {
    std::array<int, 2> ends{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()), 0);
    exchange->connection(index).fd = ends[0];
    exchange->connection(index).state = ConnectionState::connecting;
    peers.resize(std::max<std::size_t>(peers.size(), index + 1));
    peers[index] = os::Descriptor(ends[1]);
    EXPECT_TRUE(poller.add(ends[0], EPOLLOUT, index));
    return exchange->open(index);
  }

  // What the request wants to hear.
  static std::string agreement(const std::string& request) {
    const std::string field = "Sec-WebSocket-Key: ";
    const std::size_t begin = request.find(field) + field.size();
    const std::string key = request.substr(begin, request.find("\r\n", begin) - begin);
    return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           "Sec-WebSocket-Accept: " +
           protocol::accept_value(key) + "\r\n\r\n";
  }

  void establish(std::uint32_t index) {
    ASSERT_EQ(connect(index), Opening::pending);
    give(index, agreement(take_text(index)));
    ASSERT_EQ(exchange->go_on_opening(index), Opening::established);
  }

  std::vector<std::byte> take_bytes(std::uint32_t index) {
    std::vector<std::byte> bytes(1 << 20);
    bytes.resize(os::read_some(peers[index].get(), bytes).value_or(0));
    return bytes;
  }
  std::string take_text(std::uint32_t index) {
    const auto bytes = take_bytes(index);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
  // Everything that has come from the client, control frames and whole messages.
  std::vector<Frame> take_frames(std::uint32_t index) {
    auto bytes = take_bytes(index);
    std::span<std::byte> input = bytes;
    std::vector<Frame> frames;
    readers.resize(std::max<std::size_t>(readers.size(), index + 1));
    while (auto incoming = readers[index].next(input, {.role = protocol::Role::server,
                                                       .message_bytes_max = 1 << 22,
                                                       .fragments_max = 10'000})) {
      EXPECT_NE(incoming->kind, protocol::Incoming::Kind::failure) << incoming->why;
      constexpr std::array opcodes{Opcode::text, Opcode::binary, Opcode::ping, Opcode::pong,
                                   Opcode::close};
      Frame& frame = frames.emplace_back();
      frame.opcode = opcodes.at(static_cast<std::size_t>(incoming->kind));
      frame.payload.assign(incoming->payload.begin(), incoming->payload.end());
      last_close = incoming->code;
    }
    return frames;
  }

  void give(std::uint32_t index, std::string_view text) {
    const auto bytes = std::as_bytes(std::span(text));
    ASSERT_EQ(os::write_some(peers[index].get(), bytes), bytes.size());
  }
  void give(std::uint32_t index, Opcode opcode, std::span<const std::byte> content,
            bool is_masked = false) {
    std::vector<std::byte> bytes;
    protocol::append_frame({.opcode = opcode, .is_masked = is_masked}, content, bytes);
    ASSERT_EQ(os::write_some(peers[index].get(), bytes), bytes.size());
  }
  void give_close(std::uint32_t index, std::uint16_t code) {
    const std::array content{static_cast<std::byte>(code >> 8),
                             static_cast<std::byte>(code & 0xff)};
    give(index, Opcode::close, content);
  }
  // Sends back what a server would: the messages.
  void echo(std::uint32_t index) {
    for (const Frame& frame : take_frames(index)) give(index, frame.opcode, frame.payload);
  }

  // Handles what is ready; returns how many answers that brought.
  std::uint32_t handle_ready() {
    std::uint32_t answers = 0;
    std::array<epoll_event, 16> events{};
    const int count = poller.wait(events, 0).value();
    for (int at = 0; at < count; ++at) {
      const auto& event = events.at(static_cast<std::size_t>(at));
      answers += exchange->handle(static_cast<std::uint32_t>(event.data.u64), event.events);
    }
    return answers;
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
  std::unique_ptr<WebSocketExchange> exchange;
  std::vector<os::Descriptor> peers;
  std::vector<protocol::MessageReader> readers;
  protocol::CloseCode last_close{};
};

}  // namespace c1m::loadgen
