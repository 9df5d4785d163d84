// Whatever is said byte by byte is what the load would have said at once, and answers are judged as
// strictly.
#include "loadgen/unkind_speech.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/accept_key.hpp"
#include "protocol/message_reader.hpp"

namespace c1m::loadgen {
namespace {

using Bytes = std::vector<std::byte>;

// The next bytes that the client says, one at a time, `count` at most.
Bytes say(UnkindSpeech& speech, SpeechState& state, std::size_t count) {
  Bytes said;
  std::array<std::byte, 1> byte{};
  while (said.size() < count && speech.next(state, byte) == 1) {
    said.push_back(byte[0]);
    ++state.said;
  }
  return said;
}

Bytes bytes_of(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

class EchoSpeechTest : public testing::Test {
 protected:
  Payload payload{10, 1};
  EchoSpeech speech{payload};
  SpeechState state{.number = 500, .life = 1};
};

TEST_F(EchoSpeechTest, SaysOneRequestAfterAnother) {
  Bytes expected;
  for (std::uint32_t sequence = 0; sequence < 3; ++sequence) {
    const auto message = payload.message(500, sequence);
    expected.insert(expected.end(), message.begin(), message.end());
  }
  EXPECT_TRUE(speech.is_open(state));
  EXPECT_EQ(say(speech, state, 30), expected);
}

TEST_F(EchoSpeechTest, CountsAnswersWhereverTheyAreCut) {
  Bytes stream = say(speech, state, 25);
  Heard heard = speech.hear(state, std::span(stream).first(9));
  EXPECT_EQ(heard.answered, 0U);
  heard = speech.hear(state, std::span(stream).subspan(9));
  EXPECT_EQ(heard.answered, 2U);
  EXPECT_EQ(heard.corrupt, 0U);
  EXPECT_EQ(heard.end, "");
}

TEST_F(EchoSpeechTest, AWrongByteMakesItsAnswerWrongAndNoOther) {
  Bytes stream = say(speech, state, 30);
  stream[14] ^= std::byte{1};
  const Heard heard = speech.hear(state, stream);
  EXPECT_EQ(heard.answered, 3U);
  EXPECT_EQ(heard.corrupt, 1U);
}

TEST_F(EchoSpeechTest, MoreThanWasSaidIsTheEnd) {
  Bytes stream = say(speech, state, 5);
  stream.push_back(std::byte{0});
  const Heard heard = speech.hear(state, stream);
  EXPECT_EQ(heard.end, "bytes that were not asked for");
  EXPECT_EQ(heard.corrupt, 1U);
}

class WebSocketSpeechTest : public testing::Test {
 protected:
  std::string say_handshake() {
    const Bytes request = say(speech, state, 10'000);
    return {reinterpret_cast<const char*>(request.data()), request.size()};
  }
  static std::string agreement(const std::string& request) {
    const std::string field = "Sec-WebSocket-Key: ";
    const std::size_t begin = request.find(field) + field.size();
    const std::string key = request.substr(begin, request.find("\r\n", begin) - begin);
    return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           "Sec-WebSocket-Accept: " +
           protocol::accept_value(key) + "\r\n\r\n";
  }
  Heard hear(Bytes bytes) { return speech.hear(state, bytes); }
  void open() { ASSERT_EQ(hear(bytes_of(agreement(say_handshake()))).end, ""); }
  static Bytes frame(protocol::Opcode opcode, std::span<const std::byte> content) {
    Bytes bytes;
    protocol::append_frame({.opcode = opcode}, content, bytes);
    return bytes;
  }

  Payload payload{{.bytes_min = 20, .bytes_max = 20, .content = PayloadContent::printable}, 1};
  WebSocketSpeech speech{payload,
                         {.hosts = {"a.example:1", "b.example:2"},
                          .path = "/chat",
                          .message_bytes_max = 1'000,
                          .secret = 9}};
  SpeechState state{.number = 501, .life = 1};
};

TEST_F(WebSocketSpeechTest, AsksForItsHostAndWaitsForTheAnswer) {
  const std::string request = say_handshake();
  EXPECT_THAT(request, testing::StartsWith("GET /chat HTTP/1.1\r\nHost: b.example:2\r\n"));
  EXPECT_THAT(request, testing::EndsWith("\r\n\r\n"));
  EXPECT_FALSE(speech.is_open(state));
  EXPECT_TRUE(say(speech, state, 1).empty());
  EXPECT_EQ(hear(bytes_of(agreement(request))).end, "");
  EXPECT_TRUE(speech.is_open(state));
}

TEST_F(WebSocketSpeechTest, EachLifeHasAKeyOfItsOwn) {
  const std::string first = say_handshake();
  state = {.number = 501, .life = 2};
  EXPECT_NE(say_handshake(), first);
  state = {.number = 503, .life = 1};  // of the same host
  EXPECT_NE(say_handshake(), first);
}

TEST_F(WebSocketSpeechTest, SaysMaskedMessagesThatAServerReads) {
  open();
  Bytes stream = say(speech, state, 2 * (2 + 4 + 20) + 3);
  std::span<std::byte> input = stream;
  protocol::MessageReader reader;
  for (std::uint32_t sequence = 0; sequence < 2; ++sequence) {
    const auto incoming = reader.next(input, {.role = protocol::Role::server,
                                              .message_bytes_max = 100,
                                              .fragments_max = 10,
                                              .codecs = nullptr});
    ASSERT_TRUE(incoming);
    EXPECT_EQ(incoming->kind, protocol::Incoming::Kind::binary);
    EXPECT_TRUE(std::ranges::equal(incoming->payload, payload.message(501, sequence)));
  }
  EXPECT_EQ(input.size(), 3U) << "of the third";
}

TEST_F(WebSocketSpeechTest, JudgesAnswersByBytesAndType) {
  open();
  say(speech, state, 100);
  Heard heard = hear(frame(protocol::Opcode::binary, payload.message(501, 0)));
  EXPECT_EQ(heard.answered, 1U);
  EXPECT_EQ(heard.corrupt, 0U);
  EXPECT_EQ(hear(frame(protocol::Opcode::ping, {})).answered, 0U);
  heard = hear(frame(protocol::Opcode::binary, payload.message(501, 0)));
  EXPECT_EQ(heard.corrupt, 1U) << "the next one was due";
  heard = hear(frame(protocol::Opcode::text, payload.message(501, 2)));
  EXPECT_EQ(heard.corrupt, 1U) << "the right bytes, but not of the right type";
}

TEST_F(WebSocketSpeechTest, AnAnswerBeforeItsRequestIsWholeIsWrong) {
  open();
  say(speech, state, 2 + 4 + 20 - 1);
  const Heard heard = hear(frame(protocol::Opcode::binary, payload.message(501, 0)));
  EXPECT_EQ(heard.end, "bytes that were not asked for");
  EXPECT_EQ(heard.answered, 0U);
  EXPECT_EQ(heard.corrupt, 1U);
}

TEST_F(WebSocketSpeechTest, TheLastByteOfARequestMakesItWhole) {
  open();
  say(speech, state, 2 + 4 + 20);
  const Heard heard = hear(frame(protocol::Opcode::binary, payload.message(501, 0)));
  EXPECT_EQ(heard.answered, 1U);
  EXPECT_EQ(heard.corrupt, 0U);
}

TEST_F(WebSocketSpeechTest, SaysWhyTheServerEndedIt) {
  EXPECT_THAT(hear(bytes_of("HTTP/1.1 403 Forbidden\r\n\r\n")).end,
              testing::StartsWith("handshake: the server answered"));
  state = {.number = 501, .life = 2};
  open();
  Heard heard = hear(frame(protocol::Opcode::close, bytes_of("\x03\xe9")));
  EXPECT_EQ(heard.end, "Close 1001");
  EXPECT_EQ(heard.corrupt, 0U) << "a server may go away";
  state = {.number = 501, .life = 3};
  open();
  heard = hear(bytes_of("\xf0\x01"));
  EXPECT_THAT(heard.end, testing::StartsWith("protocol error: "));
  EXPECT_EQ(heard.corrupt, 1U);
}

}  // namespace
}  // namespace c1m::loadgen
