// The conformance tables, section by section of RFC 6455 and of those it stands on, against the
// session in memory: fed whole, byte by byte, and cut at every place.
#include <algorithm>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/websocket_samples.hpp"

namespace c1m::protocol {
namespace {

using samples::Bytes;
using samples::FrameCase;
using samples::HandshakeCase;
using samples::SessionDesk;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

WebSocketSettings settings_of(const FrameCase& one) {
  WebSocketSettings settings;
  settings.message_bytes_max = one.message_bytes_max;
  settings.fragments_max = one.fragments_max;
  settings.upgrade.may_deflate = one.deflate;
  return settings;
}

// Everything that must hold after a case's bytes, however they came.
void expect_answer(const FrameCase& one, const SessionDesk& desk) {
  EXPECT_EQ(samples::understand(desk.answered, one.deflate), one.expected);
  const bool ends = !one.expected.empty() && one.expected.back().starts_with("close(");
  EXPECT_EQ(desk.after, ends ? After::finish : After::keep_open);
  EXPECT_FALSE(ends && desk.session.holds_memory());
}

TEST(Conformance, FramesWhole) {
  for (const FrameCase& one : samples::frame_cases()) {
    SCOPED_TRACE(one.name);
    SessionDesk desk(settings_of(one));
    desk.open();
    desk.feed(one.sent);
    expect_answer(one, desk);
    const std::string reply = samples::to_hex(desk.answered);
    if (!one.reply.empty()) {
      EXPECT_EQ(reply, one.reply);
    }
    EXPECT_THAT(reply, StartsWith(one.reply_begins));
  }
}

TEST(Conformance, FramesByteByByte) {
  for (const FrameCase& one : samples::frame_cases()) {
    SCOPED_TRACE(one.name);
    SessionDesk desk(settings_of(one));
    desk.open();
    desk.feed_cut(one.sent, 1);
    expect_answer(one, desk);
  }
}

TEST(Conformance, FramesCutAtEveryPlace) {
  for (const FrameCase& one : samples::frame_cases()) {
    SCOPED_TRACE(one.name);
    const std::span<const std::byte> sent = one.sent;
    // Of long streams, both ends.
    constexpr std::size_t reach = 40;
    for (std::size_t cut = 1; cut < sent.size(); ++cut) {
      if (cut == reach && sent.size() > 2 * reach) cut = sent.size() - reach;
      SCOPED_TRACE("cut at " + std::to_string(cut));
      SessionDesk desk(settings_of(one));
      desk.open();
      desk.feed(sent.first(cut));
      desk.feed(sent.subspan(cut));
      expect_answer(one, desk);
    }
  }
}

// What came in the handshake's packet is the first frame.
TEST(Conformance, FramesInOneReadWithTheHandshake) {
  for (const FrameCase& one : samples::frame_cases()) {
    SCOPED_TRACE(one.name);
    Bytes sent = samples::to_bytes(samples::good_request(one.deflate));
    sent.insert(sent.end(), one.sent.begin(), one.sent.end());
    SessionDesk desk(settings_of(one));
    desk.feed(sent);
    const std::string answered = samples::to_text(desk.answered);
    ASSERT_THAT(answered, StartsWith("HTTP/1.1 101 "));
    const std::size_t head = answered.find("\r\n\r\n") + 4;
    desk.answered.erase(desk.answered.begin(),
                        desk.answered.begin() + static_cast<std::ptrdiff_t>(head));
    expect_answer(one, desk);
  }
}

void expect_answer(const HandshakeCase& one, const SessionDesk& desk) {
  const std::string answered = samples::to_text(desk.answered);
  EXPECT_THAT(answered, StartsWith("HTTP/1.1 " + std::to_string(one.status) + " "));
  for (const std::string& text : one.contained) EXPECT_THAT(answered, HasSubstr(text));
  for (const std::string& text : one.absent) EXPECT_THAT(answered, Not(HasSubstr(text)));
  EXPECT_EQ(desk.after, one.status == 101 ? After::keep_open : After::finish);
  EXPECT_FALSE(desk.session.holds_memory());
  // One answer, with the body that it announces.
  EXPECT_EQ(answered.find("HTTP/1.1 1", 1), std::string::npos);
  const std::size_t body = answered.find("\r\n\r\n") + 4;
  if (one.status == 101) {
    EXPECT_EQ(body, answered.size());
  } else {
    EXPECT_THAT(
        answered,
        HasSubstr("\r\nContent-Length: " + std::to_string(answered.size() - body) + "\r\n"));
  }
}

WebSocketSettings settings_of(const HandshakeCase& one) {
  WebSocketSettings settings;
  settings.upgrade = {.allowed_origins = one.origins, .may_deflate = one.deflate};
  return settings;
}

TEST(Conformance, HandshakesWhole) {
  for (const HandshakeCase& one : samples::handshake_cases()) {
    SCOPED_TRACE(one.name);
    SessionDesk desk(settings_of(one));
    desk.feed(samples::to_bytes(one.head));
    expect_answer(one, desk);
  }
}

TEST(Conformance, HandshakesByteByByte) {
  for (const HandshakeCase& one : samples::handshake_cases()) {
    SCOPED_TRACE(one.name);
    SessionDesk desk(settings_of(one));
    desk.feed_cut(samples::to_bytes(one.head), 1);
    expect_answer(one, desk);
  }
}

TEST(Handshake, WaitsForTheWholeHead) {
  const std::string request = samples::good_request();
  for (std::size_t size = 1; size < request.size(); ++size) {
    SessionDesk desk;
    desk.feed(samples::to_bytes(request.substr(0, size)));
    EXPECT_TRUE(desk.answered.empty()) << size;
    EXPECT_TRUE(desk.session.holds_memory());
  }
}

}  // namespace
}  // namespace c1m::protocol
