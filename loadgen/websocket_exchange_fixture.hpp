// A WebSocketExchange on socket pairs whose other ends the test plays, in virtual time.
#pragma once

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <vector>

#include "loadgen/exchange_fixture.hpp"
#include "loadgen/websocket_exchange.hpp"
#include "protocol/accept_key.hpp"
#include "protocol/message_reader.hpp"

namespace c1m::loadgen {

class WebSocketExchangeTest : public ExchangeTest<WebSocketExchange> {
 protected:
  using Opening = EchoExchange::Opening;
  using Opcode = protocol::Opcode;

  // What one frame of the client's says.
  struct Frame {
    Opcode opcode = Opcode::binary;
    std::vector<std::byte> payload;
    bool was_compressed = false;
    std::size_t compressed_bytes = 0;
  };

  void prepare(std::uint32_t connections, std::size_t message_bytes = 64,
               std::size_t fragment_bytes = 0) {
    prepare(connections, {.bytes_min = message_bytes, .bytes_max = message_bytes},
            {.hosts = {"a.example:1", "b.example:2"},
             .path = "/chat",
             .message_bytes_max = message_bytes,
             .fragment_bytes = fragment_bytes,
             .secret = 9});
  }
  // Offering compression of messages that are made of words.
  void prepare_deflate(std::uint32_t connections, std::size_t message_bytes = 1'000) {
    prepare(
        connections,
        {.bytes_min = message_bytes, .bytes_max = message_bytes, .content = PayloadContent::words},
        {.hosts = {"a.example:1"},
         .message_bytes_max = message_bytes,
         .offers_deflate = true,
         .secret = 9});
  }
  void prepare(std::uint32_t connections, PayloadForm form, const WebSocketTerms& terms) {
    payload.emplace(form, 1);
    range = {.first = 40, .count = connections};
    exchange =
        std::make_unique<WebSocketExchange>(range, EchoExchange::InFlightLimits{.in_all = 1'000},
                                            *payload, clock, poller, accounting, terms);
    accounting.open_window(window);
  }

  // Up to the request of the handshake.
  Opening connect(std::uint32_t index) {
    pair_up(index);
    exchange->connection(index).state = ConnectionState::connecting;
    return exchange->open(index);
  }

  // What the request wants to hear.
  static std::string agreement(const std::string& request, const std::string& fields = {}) {
    const std::string field = "Sec-WebSocket-Key: ";
    const std::size_t begin = request.find(field) + field.size();
    const std::string key = request.substr(begin, request.find("\r\n", begin) - begin);
    return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           "Sec-WebSocket-Accept: " +
           protocol::accept_value(key) + "\r\n" + fields + "\r\n";
  }

  void establish(std::uint32_t index, const std::string& fields = {}) {
    ASSERT_EQ(connect(index), Opening::pending);
    give(index, agreement(take_text(index), fields));
    ASSERT_EQ(exchange->go_on_opening(index), Opening::established) << exchange->refusal();
  }
  void establish_deflate(std::uint32_t index) {
    establish(index, "Sec-WebSocket-Extensions: " + std::string(protocol::deflate_offer) + "\r\n");
    has_deflate = true;
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
    while (auto incoming =
               readers[index].next(input, {.role = protocol::Role::server,
                                           .message_bytes_max = 1 << 22,
                                           .fragments_max = 10'000,
                                           .codecs = has_deflate ? &codecs : nullptr})) {
      EXPECT_NE(incoming->kind, protocol::Incoming::Kind::failure) << incoming->why;
      constexpr std::array opcodes{Opcode::text, Opcode::binary, Opcode::ping, Opcode::pong,
                                   Opcode::close};
      Frame& frame = frames.emplace_back();
      frame.opcode = opcodes.at(static_cast<std::size_t>(incoming->kind));
      frame.payload.assign(incoming->payload.begin(), incoming->payload.end());
      frame.was_compressed = incoming->was_compressed;
      frame.compressed_bytes = incoming->compressed_bytes;
      last_close = incoming->code;
    }
    return frames;
  }

  using ExchangeTest::give;
  void give(std::uint32_t index, std::string_view text) {
    give(index, std::as_bytes(std::span(text)));
  }
  void give(std::uint32_t index, Opcode opcode, std::span<const std::byte> content,
            bool is_masked = false) {
    std::vector<std::byte> bytes;
    protocol::append_frame({.opcode = opcode, .is_masked = is_masked}, content, bytes);
    give(index, bytes);
  }
  // `content` is what the frame says, whatever that is.
  void give_compressed(std::uint32_t index, std::span<const std::byte> content) {
    std::vector<std::byte> bytes;
    protocol::append_frame({.is_compressed = true, .opcode = Opcode::binary}, content, bytes);
    give(index, bytes);
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
    for (const Answered& answered : ExchangeTest::handle_ready()) answers += answered.count;
    return answers;
  }

  std::vector<protocol::MessageReader> readers;
  protocol::CloseCode last_close{};
  bool has_deflate = false;  // what the server's end has agreed to
  protocol::CodecShelf codecs;
};

}  // namespace c1m::loadgen
