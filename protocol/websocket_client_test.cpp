// The client's end: against our own session, and against servers that break the rules.
#include "protocol/websocket_client.hpp"

#include <array>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/websocket_samples.hpp"

namespace c1m::protocol {
namespace {

using samples::Bytes;
using samples::SessionDesk;
using samples::to_bytes;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

constexpr MaskKey key{std::byte{9}, std::byte{8}, std::byte{7}, std::byte{6}};

// Everything that a client makes of a stream, in words.
class ClientDesk {
 public:
  explicit ClientDesk(bool deflate = false) { settings.wish.deflate = deflate; }

  void feed(std::span<const std::byte> bytes) {
    Bytes copy(bytes.begin(), bytes.end());
    std::span<std::byte> rest = copy;
    while (auto event = client.next(rest, settings, nonce, codecs)) {
      switch (event->kind) {
        case ClientEvent::Kind::opened:
          said.emplace_back("opened");
          break;
        case ClientEvent::Kind::refused:
          said.push_back("refused: " + event->why);
          break;
        case ClientEvent::Kind::incoming:
          said.push_back(samples::describe(event->incoming));
          break;
      }
    }
    EXPECT_TRUE(rest.empty());
  }
  void feed_cut(std::span<const std::byte> bytes) {
    for (; !bytes.empty(); bytes = bytes.subspan(1)) feed(bytes.first(1));
  }
  [[nodiscard]] std::string request() const { return upgrade_request(settings.wish, nonce); }

  ClientSettings settings{
      .wish = {.host = "localhost", .target = "/", .origin = "", .deflate = {}}};
  std::array<std::byte, nonce_bytes> nonce{};
  CodecShelf codecs;
  WebSocketClient client;
  std::vector<std::string> said;
};

TEST(WebSocketClient, TalksWithOurSession) {
  for (const bool deflate : {false, true}) {
    WebSocketSettings settings;
    settings.upgrade.may_deflate = deflate;
    SessionDesk server(settings);
    ClientDesk client(deflate);
    server.feed(to_bytes(client.request()));
    Bytes frames;
    const auto masked = [](Opcode opcode) {
      return FrameHeader{.opcode = opcode, .is_masked = true, .key = key};
    };
    append_frame(masked(Opcode::text), to_bytes("Hello"), frames);
    append_frame(masked(Opcode::ping), to_bytes("p"), frames);
    append_close(CloseCode::normal, "bye", key, frames);
    server.feed(frames);
    client.feed_cut(server.answered);
    EXPECT_THAT(client.said, ElementsAre("opened", "text(Hello)", "pong(p)", "close(1000)"));
    EXPECT_EQ(client.client.has_deflate(), deflate);
    EXPECT_FALSE(client.client.holds_memory());
  }
}

TEST(WebSocketClient, ReadsCompressedMessages) {
  WebSocketSettings settings;
  settings.upgrade.may_deflate = true;
  SessionDesk server(settings);
  ClientDesk client(true);
  server.feed(to_bytes(client.request()));
  Bytes frames;
  append_frame({.is_compressed = true, .opcode = Opcode::text, .is_masked = true, .key = key},
               samples::from_hex("f248cdc9c90700"), frames);
  server.feed(frames);
  client.feed(server.answered);
  EXPECT_THAT(client.said, ElementsAre("opened", "compressed text(Hello)"));
}

// Judged as strictly as the server judges: the same table, said by a server.
TEST(WebSocketClient, RefusesWhatAServerMayNotSend) {
  const auto after_opening = [](std::string_view hex) {
    SessionDesk server;
    ClientDesk client;
    server.feed(to_bytes(client.request()));
    client.feed(server.answered);
    client.feed(samples::from_hex(hex));
    client.feed(samples::from_hex("810161"));  // nothing counts after a failure
    client.said.erase(client.said.begin());
    return client.said;
  };
  EXPECT_THAT(after_opening("818137fa213d56"), ElementsAre("failure(1002)")) << "a masked frame";
  EXPECT_THAT(after_opening("c10161"), ElementsAre("failure(1002)")) << "RSV1";
  EXPECT_THAT(after_opening("8101ff"), ElementsAre("failure(1007)"));
  EXPECT_THAT(after_opening("827e007d"), ElementsAre("failure(1002)")) << "a long form";
  EXPECT_THAT(after_opening("827f0000000040000000"), ElementsAre("failure(1009)"));
  EXPECT_THAT(after_opening("880203e8"), ElementsAre("close(1000)"));
}

class Answers : public testing::Test {
 protected:
  // What the client says to this answer, with our accept value at its place.
  std::string to(std::string answer, bool deflate = false) {
    ClientDesk client(deflate);
    if (const auto place = answer.find('@'); place != std::string::npos)
      answer.replace(place, 1, accept_value(websocket_key(client.nonce)));
    client.feed_cut(to_bytes(answer));
    EXPECT_EQ(client.said.size(), 1U);
    return client.said.empty() ? "" : client.said.front();
  }
  static std::string good(const std::string& more = "") {
    return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           "Sec-WebSocket-Accept: @\r\n" +
           more + "\r\n";
  }
};

TEST_F(Answers, TheGoodOne) {
  EXPECT_EQ(to(good()), "opened");
  const std::string terms =
      "Sec-WebSocket-Extensions: permessage-deflate; "
      "server_no_context_takeover";
  EXPECT_EQ(to(good(terms + "\r\n"), true), "opened");
  EXPECT_EQ(to(good(terms + "; server_max_window_bits=12\r\n"), true), "opened");
}

TEST_F(Answers, OthersAreRefused) {
  EXPECT_THAT(to("HTTP/1.1 403 Forbidden\r\n\r\n"), StartsWith("refused: the server answered"));
  EXPECT_THAT(to("HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                 "Sec-WebSocket-Accept: AAAA\r\n\r\n"),
              HasSubstr("does not belong to our key"));
  EXPECT_THAT(to("HTTP/1.1 101 X\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: @\r\n\r\n"),
              HasSubstr("something else"));
  EXPECT_THAT(to(good("Sec-WebSocket-Protocol: chat\r\n")), HasSubstr("subprotocol"));
  EXPECT_THAT(to(good("Sec-WebSocket-Extensions: permessage-deflate\r\n")),
              HasSubstr("not offered"));
  EXPECT_THAT(to(good("Sec-WebSocket-Extensions: permessage-deflate\r\n"), true),
              HasSubstr("context takeover"));
  EXPECT_THAT(to(good("Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; "
                      "client_max_window_bits=10\r\n"),
                 true),
              HasSubstr("not offered"));
  EXPECT_THAT(to("HTTP/1.1 101 X\n\n"), HasSubstr("not an HTTP/1.1 answer"));
}

TEST_F(Answers, AnEndlessHeadIsRefused) {
  EXPECT_THAT(to("HTTP/1.1 101 X\r\nX: " + std::string(17'000, 'x')), HasSubstr("too long"));
}

}  // namespace
}  // namespace c1m::protocol
