// WebSocket's flags give the settings they say; every mistake names the flag and the value.
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "loadgen/load_flags.hpp"

namespace c1m::loadgen {
namespace {

std::expected<LoadSettings, NothingToRun> parse(std::vector<const char*> flags) {
  flags.insert(flags.begin(), {"c1m-load", "--target", "127.0.0.1:7000"});
  return parse_load_flags(static_cast<int>(flags.size()), flags.data());
}

TEST(WebSocketFlags, DefaultsAreWholeBinaryMessagesWithoutPings) {
  const auto settings = parse({"--protocol", "ws"});
  ASSERT_TRUE(settings);
  EXPECT_EQ(settings->protocol, Protocol::ws);
  EXPECT_EQ(settings->websocket.kind, MessageKind::binary);
  EXPECT_EQ(settings->websocket.fragment_bytes, 0U);
  EXPECT_EQ(settings->websocket.ping_interval_ns, 0);
  EXPECT_EQ(settings->websocket.path, "/");
  EXPECT_EQ(settings->payload_form().content, PayloadContent::bytes);
  EXPECT_FALSE(settings->websocket.deflate);
  EXPECT_EQ(settings->payload_form().bytes_min, 64U);
}

TEST(WebSocketFlags, EachIsTaken) {
  const auto settings =
      parse({"--protocol", "ws", "--ws-opcode", "text", "--ws-fragment", "1KiB",
             "--ws-ping-interval", "5s", "--ws-path", "/chat?room=1", "-s", "16-4KiB"});
  ASSERT_TRUE(settings) << settings.error().text;
  EXPECT_EQ(settings->websocket.kind, MessageKind::text);
  EXPECT_EQ(settings->websocket.fragment_bytes, 1'024U);
  EXPECT_EQ(settings->websocket.ping_interval_ns, 5 * os::ns_per_s);
  EXPECT_EQ(settings->websocket.path, "/chat?room=1");
  EXPECT_EQ(settings->payload_form().content, PayloadContent::printable);
  EXPECT_EQ(settings->payload_form().bytes_min, 16U);
  EXPECT_EQ(settings->payload_form().bytes_max, 4'096U);
}

TEST(WebSocketFlags, CompressionIsOfferedAndWordsAreThereForIt) {
  for (const char* opcode : {"text", "binary"}) {
    const auto settings =
        parse({"--protocol", "ws", "--ws-deflate", "--ws-payload", "words", "--ws-opcode", opcode});
    ASSERT_TRUE(settings) << settings.error().text;
    EXPECT_TRUE(settings->websocket.deflate);
    EXPECT_EQ(settings->payload_form().content, PayloadContent::words);
  }
}

struct Mistake {
  std::vector<const char*> flags;
  std::vector<const char*> words;
};

class WebSocketFlagMistakes : public testing::TestWithParam<Mistake> {};

TEST_P(WebSocketFlagMistakes, NameTheFlagAndTheValue) {
  const auto settings = parse(GetParam().flags);
  ASSERT_FALSE(settings);
  EXPECT_TRUE(settings.error().is_mistake);
  for (const char* word : GetParam().words) {
    EXPECT_THAT(settings.error().text, testing::HasSubstr(word));
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, WebSocketFlagMistakes,
    testing::Values(
        Mistake{{"--protocol", "wss"}, {"--protocol", "wss", "echo, ws"}},
        Mistake{{"--ws-opcode", "text"}, {"--ws-opcode", "text", "--protocol ws"}},
        Mistake{{"--ws-path", "/x"}, {"--ws-path", "/x", "--protocol ws"}},
        Mistake{{"--ws-deflate"}, {"--ws-deflate: needs --protocol ws"}},
        Mistake{{"--ws-payload", "words"}, {"--ws-payload", "words", "--protocol ws"}},
        Mistake{{"--protocol", "ws", "--ws-payload", "json"}, {"--ws-payload", "json", "words"}},
        Mistake{{"-s", "1-9"}, {"--message-size", "1-9", "--protocol ws"}},
        Mistake{{"--protocol", "ws", "-s", "9-1"}, {"--message-size", "9-1", "least"}},
        Mistake{{"--protocol", "ws", "-s", "9-"}, {"--message-size"}},
        Mistake{{"--protocol", "ws", "--ws-opcode", "ping"}, {"--ws-opcode", "ping", "binary"}},
        Mistake{{"--protocol", "ws", "--ws-fragment", "0"}, {"--ws-fragment", "0", "1 byte"}},
        Mistake{{"--protocol", "ws", "--ws-ping-interval", "0s"}, {"--ws-ping-interval", "0s"}},
        Mistake{{"--protocol", "ws", "--ws-path", "chat"}, {"--ws-path", "chat", "begins with /"}},
        Mistake{{"--protocol", "ws", "--ws-path", "/a b"}, {"--ws-path", "/a b"}}));

TEST(WebSocketFlags, ACalibrationIsOfTheGeneratorAlone) {
  const std::vector<const char*> flags{"c1m-load", "--calibrate", "--protocol", "ws"};
  const auto settings = parse_load_flags(static_cast<int>(flags.size()), flags.data());
  ASSERT_FALSE(settings);
  EXPECT_THAT(settings.error().text, testing::HasSubstr("--protocol ws"));
}

}  // namespace
}  // namespace c1m::loadgen
