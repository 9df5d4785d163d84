// What the tables do not show: memory, where replies lie, counters, time, and a session against a
// client of our own.
#include "protocol/websocket_session.hpp"

#include <array>
#include <random>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/websocket_client.hpp"
#include "protocol/websocket_samples.hpp"

namespace c1m::protocol {
namespace {

using samples::Bytes;
using samples::masked_frame;
using samples::SessionDesk;
using samples::to_bytes;
using testing::ElementsAre;

Bytes text_frame(std::string_view text, bool is_final = true) {
  return masked_frame({.is_final = is_final, .opcode = Opcode::text}, to_bytes(text));
}

std::vector<std::string> words(SessionDesk& desk) {
  auto said = samples::understand(desk.answered, false);
  desk.answered.clear();
  return said;
}

TEST(WebSocketSession, HoldsMemoryOnlyWhileSomethingIsPartial) {
  SessionDesk desk;
  EXPECT_FALSE(desk.session.holds_memory());
  const Bytes request = to_bytes(samples::good_request());
  desk.feed(std::span(request).first(20));
  EXPECT_TRUE(desk.session.holds_memory()) << "half a head";
  desk.feed(std::span(request).subspan(20));
  EXPECT_FALSE(desk.session.holds_memory());
  const Bytes frame = text_frame("Hello");
  for (std::size_t i = 0; i + 1 < frame.size(); ++i) {
    desk.feed(std::span(frame).subspan(i, 1));
    EXPECT_TRUE(desk.session.holds_memory()) << "byte " << i;
  }
  desk.feed(std::span(frame).last(1));
  EXPECT_FALSE(desk.session.holds_memory());
  desk.feed(text_frame("a", false));
  EXPECT_TRUE(desk.session.holds_memory()) << "between fragments";
  desk.feed(masked_frame({.opcode = Opcode::continuation}, to_bytes("b")));
  EXPECT_FALSE(desk.session.holds_memory());
  desk.feed(frame);
  EXPECT_FALSE(desk.session.holds_memory()) << "whole frames need none";
}

TEST(WebSocketSession, EchoesAWholeFrameWhereItWasReceived) {
  SessionDesk desk;
  desk.open();
  Bytes input = text_frame("Hello");
  const Reply reply = desk.session.receive(desk.service, input, 0);
  EXPECT_EQ(reply.bytes.data(), input.data() + 4) << "the shorter header ends where the mask ended";
  EXPECT_TRUE(reply.storage.is_empty());
}

TEST(WebSocketSession, EchoesSeveralFramesInPlaceAsOneReply) {
  SessionDesk desk;
  desk.open();
  Bytes input;
  for (const char* text : {"one", "two", "three"}) {
    const Bytes frame = text_frame(text);
    input.insert(input.end(), frame.begin(), frame.end());
  }
  const Reply reply = desk.session.receive(desk.service, input, 0);
  EXPECT_TRUE(reply.storage.is_empty());
  EXPECT_THAT(samples::understand(reply.bytes, false),
              ElementsAre("text(one)", "text(two)", "text(three)"));
}

TEST(WebSocketSession, EchoesACollectedMessageFromItsBlock) {
  SessionDesk desk;
  desk.open();
  Bytes first = text_frame("Hel", false);
  Bytes rest = masked_frame({.opcode = Opcode::continuation}, to_bytes("lo"));
  const Bytes next = text_frame("next");
  rest.insert(rest.end(), next.begin(), next.end());
  EXPECT_TRUE(desk.session.receive(desk.service, first, 0).bytes.empty());
  const Reply reply = desk.session.receive(desk.service, rest, 0);
  EXPECT_FALSE(reply.storage.is_empty());
  EXPECT_THAT(samples::understand(reply.bytes, false), ElementsAre("text(Hello)", "text(next)"));
}

// Whatever is sent and however it is cut, every message comes back.
TEST(WebSocketSession, AnswersRandomTrafficTheSameHoweverItIsCut) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (int round = 0; round < 100; ++round) {
    Bytes sent;
    std::vector<std::string> expected;
    bool in_message = false;
    std::string message;
    for (int i = 0; i < 30; ++i) {
      const bool is_ping = random() % 4 == 0;
      const bool is_final = is_ping || random() % 2 == 0;
      const std::string payload(random() % 8 == 0 ? random() % 70'000 : random() % 126, 'p');
      const Opcode opcode = is_ping      ? Opcode::ping
                            : in_message ? Opcode::continuation
                                         : Opcode::binary;
      const auto text = is_ping ? payload.substr(0, 125) : payload;
      const Bytes frame = masked_frame({.is_final = is_final, .opcode = opcode}, to_bytes(text));
      sent.insert(sent.end(), frame.begin(), frame.end());
      if (is_ping) {
        expected.push_back("pong(" + text + ")");
        continue;
      }
      message += text;
      in_message = !is_final;
      if (is_final) expected.push_back("binary(" + std::exchange(message, {}) + ")");
    }
    SessionDesk desk;
    desk.open();
    for (std::span<const std::byte> rest = sent; !rest.empty();) {
      const std::size_t size = std::min<std::size_t>(rest.size(), 1 + random() % 5'000);
      desk.feed(rest.first(size));
      rest = rest.subspan(size);
    }
    ASSERT_EQ(samples::understand(desk.answered, false), expected);
  }
}

TEST(WebSocketSession, TakesMemoryByWhatHasCome) {
  SessionDesk desk;
  desk.open();
  // 16 MiB announced; a block for them would show in the reader's growth below.
  const Bytes header = samples::from_hex(
      "82ff0000000001000000"
      "00000000");
  desk.feed(header);
  EXPECT_EQ(desk.after, After::keep_open);
  EXPECT_TRUE(desk.answered.empty());
}

TEST(WebSocketSession, CountsWhatHappens) {
  SessionDesk desk;
  desk.open();
  desk.feed(text_frame("Hello"));
  desk.feed(masked_frame({.opcode = Opcode::ping}, {}));
  desk.feed(masked_frame({.opcode = Opcode::pong}, {}));
  EXPECT_EQ(desk.counters.sessions_opened, 1U);
  EXPECT_EQ(desk.counters.messages_received, 1U);
  EXPECT_EQ(desk.counters.message_bytes_received, 5U);
  EXPECT_EQ(desk.counters.messages_sent, 1U);
  EXPECT_EQ(desk.counters.message_bytes_sent, 5U);
  EXPECT_EQ(desk.counters.pings_received, 1U);
  EXPECT_EQ(desk.counters.pongs_received, 1U);
  EXPECT_EQ(desk.counters.sessions_ended, 0U);
  desk.feed(samples::from_hex("8100"));  // not masked
  EXPECT_EQ(desk.counters.sessions_ended, 1U);
  EXPECT_EQ(desk.counters.closes[close_count_of(CloseCode::protocol_error)], 1U);
  desk.session.end(desk.service);
  EXPECT_EQ(desk.counters.sessions_ended, 1U) << "once";
  EXPECT_EQ(desk.counters.handshakes_abandoned, 0U);
}

TEST(WebSocketSession, CountsEndsThatNobodyAnnounced) {
  SessionDesk established;
  established.open();
  established.session.end(established.service);
  EXPECT_EQ(established.counters.closes[close_count_of(CloseCode::abnormal)], 1U);
  SessionDesk abandoned;
  abandoned.feed(to_bytes("GET /"));
  abandoned.session.end(abandoned.service);
  EXPECT_EQ(abandoned.counters.handshakes_abandoned, 1U);
  EXPECT_EQ(abandoned.counters.sessions_ended, 0U);
  SessionDesk refused;
  refused.feed(to_bytes("rubbish\n"));
  refused.session.end(refused.service);
  EXPECT_EQ(refused.counters.handshakes_refused, 1U);
  EXPECT_EQ(refused.counters.handshakes_abandoned, 0U);
}

TEST(CloseCounts, HaveAPlaceForEveryCode) {
  EXPECT_EQ(close_count_of(CloseCode::normal), 0U);
  EXPECT_EQ(close_count_of(CloseCode::unexpected_condition), counted_close_codes.size() - 1);
  EXPECT_EQ(close_count_of(static_cast<CloseCode>(4000)), close_counts - 1);
}

TEST(WebSocketSession, PingsAndClosesASilentPeer) {
  SessionDesk desk;
  desk.open(1'000);
  EXPECT_EQ(desk.session.deadline(desk.service), 31'000U);
  desk.take(desk.session.expire(desk.service, 31'000));
  EXPECT_THAT(words(desk), ElementsAre("ping()"));
  desk.take(desk.session.expire(desk.service, 36'000));
  desk.take(desk.session.expire(desk.service, 61'000));
  EXPECT_THAT(words(desk), ElementsAre("ping()"));
  desk.take(desk.session.expire(desk.service, 66'000));
  EXPECT_THAT(words(desk), ElementsAre("close(1011)"));
  EXPECT_EQ(desk.after, After::finish);
  EXPECT_EQ(desk.counters.pings_sent, 2U);
  desk.take(desk.session.expire(desk.service, 71'000));
  EXPECT_EQ(desk.after, After::close);
}

TEST(WebSocketSession, AnAnsweredPingKeepsItOpen) {
  SessionDesk desk;
  desk.open();
  for (Milliseconds now = 30'000; now < 300'000; now += 30'000) {
    desk.take(desk.session.expire(desk.service, now));
    EXPECT_THAT(words(desk), ElementsAre("ping()"));
    desk.feed(masked_frame({.opcode = Opcode::pong}, {}), now + 1'000);
    desk.take(desk.session.expire(desk.service, now + 5'000));
  }
  EXPECT_EQ(desk.after, After::keep_open);
}

TEST(WebSocketSession, ClosesWhatIsIdle) {
  WebSocketSettings settings;
  settings.times.idle_ms = 1'000;
  SessionDesk desk(settings);
  desk.open();
  desk.feed(text_frame("x"), 900);
  desk.answered.clear();
  desk.take(desk.session.expire(desk.service, 1'899));
  EXPECT_TRUE(desk.answered.empty());
  desk.take(desk.session.expire(desk.service, 1'900));
  EXPECT_THAT(words(desk), ElementsAre("close(1001)"));
}

TEST(WebSocketSession, ASlowHandshakeIsClosedWithoutAnAnswer) {
  SessionDesk desk;
  const Bytes request = to_bytes(samples::good_request());
  for (Milliseconds second = 0; second < 10; ++second)
    desk.feed(std::span(request).subspan(second, 1), second * 1'000);
  desk.take(desk.session.expire(desk.service, 10'000));
  EXPECT_EQ(desk.after, After::close);
  EXPECT_TRUE(desk.answered.empty());
}

TEST(WebSocketSession, AStopSaysGoingAway) {
  SessionDesk desk;
  desk.open();
  desk.feed(text_frame("unfinished", false));
  desk.take(desk.session.stop(desk.service, 0));
  EXPECT_THAT(words(desk), ElementsAre("close(1001)"));
  EXPECT_EQ(desk.after, After::close);
  EXPECT_FALSE(desk.session.holds_memory());
  SessionDesk early;
  early.take(early.session.stop(early.service, 0));
  EXPECT_TRUE(early.answered.empty());
  EXPECT_EQ(early.after, After::close);
}

}  // namespace
}  // namespace c1m::protocol
