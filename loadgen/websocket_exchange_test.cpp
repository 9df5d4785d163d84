// Handshakes, messages and control frames against a server that the test plays.
#include "loadgen/websocket_exchange.hpp"

#include <gmock/gmock.h>

#include "loadgen/websocket_exchange_fixture.hpp"

namespace c1m::loadgen {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::Pair;

TEST_F(WebSocketExchangeTest, OpensWithTheHostAndThePathThatAreAskedFor) {
  prepare(2);
  ASSERT_EQ(connect(1), Opening::pending);
  EXPECT_EQ(exchange->established(), 0U);
  const std::string request = take_text(1);
  EXPECT_THAT(request, HasSubstr("GET /chat HTTP/1.1\r\n"));
  EXPECT_THAT(request, HasSubstr("Host: b.example:2\r\n")) << "of connection 41";
  clock.advance(3 * ms);
  give(1, agreement(request));
  ASSERT_EQ(exchange->go_on_opening(1), Opening::established);
  EXPECT_EQ(exchange->established(), 1U);
  EXPECT_EQ(exchange->result().handshake_ns.count(), 1U);
  EXPECT_NEAR(static_cast<double>(exchange->result().handshake_ns.max()), 3e6, 3e4);
}

TEST_F(WebSocketExchangeTest, NamesWhyAHandshakeIsRefused) {
  prepare(4);
  ASSERT_EQ(connect(0), Opening::pending);
  give(0, "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(exchange->go_on_opening(0), Opening::refused);
  EXPECT_THAT(exchange->refusal(), HasSubstr("handshake: the server answered 'HTTP/1.1 403"));
  ASSERT_EQ(connect(1), Opening::pending);
  give(1, agreement("Sec-WebSocket-Key: bm90IG91ciBvd24ga2V5IQ==\r\n"));
  EXPECT_EQ(exchange->go_on_opening(1), Opening::refused);
  EXPECT_EQ(exchange->refusal(), "handshake: Sec-WebSocket-Accept does not belong to our key");
  ASSERT_EQ(connect(2), Opening::pending);
  peers[2] = {};
  EXPECT_EQ(exchange->go_on_opening(2), Opening::refused);
  EXPECT_THAT(exchange->refusal(), testing::StartsWith("handshake: "));
  ASSERT_EQ(connect(3), Opening::pending);
  give(3, "HTTP/1.1 101 Swit");
  EXPECT_EQ(exchange->go_on_opening(3), Opening::pending) << "the rest may come";
  EXPECT_EQ(exchange->established(), 0U);
}

TEST_F(WebSocketExchangeTest, SendsMessagesAndTimesTheirAnswers) {
  prepare(1);
  establish(0);
  exchange->issue(0, start_ns);
  const auto frames = take_frames(0);
  ASSERT_EQ(frames.size(), 1U);
  EXPECT_EQ(frames[0].opcode, Opcode::binary);
  EXPECT_TRUE(std::ranges::equal(frames[0].payload, payload->message(40, 0)));
  clock.advance(2 * ms);
  give(0, Opcode::binary, frames[0].payload);
  EXPECT_EQ(handle_ready(), 1U);
  const auto result = finish();
  EXPECT_EQ(result.counts.answered, 1U);
  EXPECT_EQ(result.counts.corrupt, 0U);
  EXPECT_NEAR(static_cast<double>(result.response_ns.max()), 2e6, 2e4);
}

TEST_F(WebSocketExchangeTest, TakesAMessageThatCameWithTheHandshake) {
  prepare(1);
  ASSERT_EQ(connect(0), Opening::pending);
  std::string answer = agreement(take_text(0));
  answer += std::string("\x89\x00", 2);  // an empty ping
  give(0, answer);
  ASSERT_EQ(exchange->go_on_opening(0), Opening::established);
  EXPECT_EQ(exchange->result().pings_received, 1U);
}

TEST_F(WebSocketExchangeTest, FindsWrongLengthBytesAndTypes) {
  prepare(1);
  establish(0);
  for (int count = 0; count < 4; ++count) exchange->issue(0, start_ns);
  const auto frames = take_frames(0);
  ASSERT_EQ(frames.size(), 4U);
  give(0, Opcode::binary, std::span(frames[0].payload).first(63));
  auto changed = frames[1].payload;
  changed[10] ^= std::byte{1};
  give(0, Opcode::binary, changed);
  // Text, of other bytes, for those of the payload are not UTF-8.
  give(0, Opcode::text, std::vector(64, std::byte{'x'}));
  give(0, Opcode::binary, frames[3].payload);
  EXPECT_EQ(handle_ready(), 4U);
  const auto result = finish();
  EXPECT_EQ(result.counts.answered, 4U);
  EXPECT_EQ(result.counts.corrupt, 3U);
}

TEST_F(WebSocketExchangeTest, TheRightBytesInAMessageOfTheOtherTypeAreWrong) {
  prepare(1);
  payload.emplace(
      PayloadForm{.bytes_min = 64, .bytes_max = 64, .content = PayloadContent::printable}, 1);
  establish(0);
  exchange->issue(0, start_ns);
  give(0, Opcode::text, take_frames(0)[0].payload);
  EXPECT_EQ(handle_ready(), 1U);
  EXPECT_EQ(finish().counts.corrupt, 1U);
}

TEST_F(WebSocketExchangeTest, ALaterAnswerMeansThatTheEarlierOnesWereSwallowed) {
  prepare(1);
  establish(0);
  for (int count = 0; count < 3; ++count) exchange->issue(0, start_ns);
  const auto frames = take_frames(0);
  give(0, Opcode::binary, frames[2].payload);
  EXPECT_EQ(handle_ready(), 1U);
  const auto result = finish();
  EXPECT_EQ(result.counts.lost, 2U);
  EXPECT_EQ(result.counts.corrupt, 0U);
}

TEST_F(WebSocketExchangeTest, CountsMessagesNobodyAskedFor) {
  prepare(1);
  establish(0);
  give(0, Opcode::binary, std::vector(5, std::byte{1}));
  give(0, Opcode::binary, {});
  EXPECT_EQ(handle_ready(), 0U);
  EXPECT_EQ(finish().unexpected_bytes, 6U) << "an empty message is one";
}

TEST_F(WebSocketExchangeTest, AServersPingIsAnsweredWithItsPayload) {
  prepare(1);
  establish(0);
  const std::vector content(125, std::byte{7});
  give(0, Opcode::ping, content);
  handle_ready();
  const auto frames = take_frames(0);
  ASSERT_EQ(frames.size(), 1U);
  EXPECT_EQ(frames[0].opcode, Opcode::pong);
  EXPECT_EQ(frames[0].payload, content);
  EXPECT_EQ(exchange->result().pings_received, 1U);
}

TEST_F(WebSocketExchangeTest, TimesPongsFromWhenThePingWasDue) {
  prepare(1);
  establish(0);
  exchange->ping(0, start_ns);
  EXPECT_EQ(exchange->pings_out(), 1U);
  exchange->ping(0, start_ns + ms);
  EXPECT_EQ(exchange->result().pings_skipped, 1U) << "the one before has no answer";
  const auto frames = take_frames(0);
  ASSERT_EQ(frames.size(), 1U);
  clock.advance(4 * ms);
  give(0, Opcode::pong, std::vector(8, std::byte{1}));  // a heartbeat of the server's own
  give(0, Opcode::pong, frames[0].payload);
  give(0, Opcode::pong, frames[0].payload);
  handle_ready();
  EXPECT_EQ(exchange->pings_out(), 0U);
  EXPECT_EQ(exchange->result().pongs_received, 1U);
  EXPECT_EQ(exchange->result().pongs_unasked, 2U);
  EXPECT_EQ(exchange->result().ping_rtt_ns.count(), 1U);
  EXPECT_NEAR(static_cast<double>(exchange->result().ping_rtt_ns.max()), 4e6, 4e4);
}

// A socket pair holds some 200 KB: the message leaves in pieces, and nothing may stand within it.
TEST_F(WebSocketExchangeTest, ControlFramesWaitForTheEndOfAMessage) {
  constexpr std::size_t large = 3'000'000;
  prepare(1, large, 100'000);
  establish(0);
  exchange->issue(0, start_ns);
  exchange->ping(0, start_ns);
  give(0, Opcode::ping, std::vector(3, std::byte{5}));
  std::vector<Frame> frames;
  for (int turn = 0; turn < 1'000 && frames.size() < 3; ++turn) {
    handle_ready();
    for (Frame& frame : take_frames(0)) frames.push_back(std::move(frame));
  }
  ASSERT_EQ(frames.size(), 3U);
  EXPECT_EQ(frames[0].opcode, Opcode::binary);
  EXPECT_TRUE(std::ranges::equal(frames[0].payload, payload->message(40, 0)));
  EXPECT_EQ(frames[1].opcode, Opcode::ping);
  EXPECT_EQ(frames[2].opcode, Opcode::pong);
}

TEST_F(WebSocketExchangeTest, ClosesWithAHandshakeAndWaitsForTheServersEnd) {
  prepare(2);
  establish(0);
  establish(1);
  exchange->begin_closing(0);
  exchange->begin_closing(1);
  EXPECT_EQ(exchange->established(), 0U);
  EXPECT_EQ(exchange->closing(), 2U);
  for (const std::uint32_t index : {0U, 1U}) {
    const auto frames = take_frames(index);
    ASSERT_EQ(frames.size(), 1U);
    EXPECT_EQ(frames[0].opcode, Opcode::close);
    EXPECT_EQ(last_close, protocol::CloseCode::normal);
  }
  clock.advance(5 * ms);
  give_close(0, 1000);
  handle_ready();
  EXPECT_EQ(exchange->result().closes_answered, 1U);
  EXPECT_NEAR(static_cast<double>(exchange->result().close_ns.max()), 5e6, 5e4);
  EXPECT_EQ(exchange->closing(), 2U) << "the end of the stream is the server's to send";
  peers[0] = {};
  peers[1] = {};
  handle_ready();
  EXPECT_EQ(exchange->closing(), 0U);
  EXPECT_EQ(exchange->result().closes_sent, 2U);
  EXPECT_EQ(exchange->result().closes_answered, 1U) << "an end is no answer";
  EXPECT_TRUE(exchange->errors().empty());
}

TEST_F(WebSocketExchangeTest, AnotherCodeIsNoEchoOfOurClose) {
  prepare(1);
  establish(0);
  exchange->begin_closing(0);
  give_close(0, 1011);
  handle_ready();
  EXPECT_EQ(exchange->result().closes_answered, 1U);
  EXPECT_EQ(exchange->result().closes_answered_otherwise, 1U);
}

TEST_F(WebSocketExchangeTest, AServersCloseIsAnsweredAndNamed) {
  prepare(1);
  establish(0);
  exchange->issue(0, start_ns);
  take_frames(0);
  give_close(0, 1001);
  handle_ready();
  const auto frames = take_frames(0);
  ASSERT_EQ(frames.size(), 1U);
  EXPECT_EQ(frames[0].opcode, Opcode::close);
  EXPECT_EQ(last_close, protocol::CloseCode::going_away);
  EXPECT_THAT(exchange->errors(), ElementsAre(Pair("Close 1001", 1)));
  EXPECT_EQ(exchange->result().closes_received, 1U);
  EXPECT_EQ(finish().counts.lost, 1U);
}

TEST_F(WebSocketExchangeTest, AMaskedAnswerEndsTheConnection) {
  prepare(1);
  establish(0);
  exchange->issue(0, start_ns);
  give(0, Opcode::binary, take_frames(0)[0].payload, /*is_masked=*/true);
  handle_ready();
  EXPECT_THAT(exchange->errors(),
              ElementsAre(Pair("protocol error: a masked frame from a server", 1)));
  EXPECT_EQ(exchange->result().protocol_errors, 1U);
  const auto frames = take_frames(0);
  ASSERT_EQ(frames.size(), 1U);
  EXPECT_EQ(last_close, protocol::CloseCode::protocol_error);
}

// What is still out at the end is reported once, whatever becomes of it in the closing handshake.
TEST_F(WebSocketExchangeTest, ARequestInFlightAtTheEndIsCountedOnce) {
  prepare(1);
  establish(0);
  exchange->issue(0, start_ns);
  const auto frames = take_frames(0);
  exchange->settle_rest();
  exchange->begin_closing(0);
  give(0, Opcode::binary, frames[0].payload);
  give_close(0, 1000);
  peers[0] = {};
  for (int turn = 0; turn < 3; ++turn) handle_ready();
  measure::LoadShardResult result;
  accounting.write_to(result);
  EXPECT_EQ(result.counts.in_flight_at_end, 1U);
  EXPECT_EQ(result.counts.answered + result.counts.lost, 0U);
  EXPECT_EQ(exchange->result().closes_answered, 1U);
}

TEST_F(WebSocketExchangeTest, OffersNoCompressionUnlessAskedTo) {
  prepare(1);
  connect(0);
  EXPECT_THAT(take_text(0), Not(HasSubstr("Sec-WebSocket-Extensions")));
}

TEST_F(WebSocketExchangeTest, OffersCompressionWithoutContextTakeover) {
  prepare_deflate(1);
  connect(0);
  EXPECT_THAT(take_text(0), HasSubstr("Sec-WebSocket-Extensions: permessage-deflate; "
                                      "server_no_context_takeover; client_no_context_takeover"));
}

TEST_F(WebSocketExchangeTest, CompressedMessagesAreVerifiedAndCountedByTheirBytes) {
  prepare_deflate(2);
  establish_deflate(0);
  establish_deflate(1);
  for (const std::uint32_t index : {0U, 1U}) {
    exchange->issue(index, start_ns);
    const auto frames = take_frames(index);
    ASSERT_EQ(frames.size(), 1U);
    EXPECT_TRUE(frames[0].was_compressed);
    EXPECT_LT(frames[0].compressed_bytes, 600U);
    EXPECT_TRUE(std::ranges::equal(frames[0].payload, payload->message(40 + index, 0)));
    EXPECT_EQ(exchange->result().compressed_sent, index + 1);
    if (index == 0) {
      EXPECT_EQ(exchange->result().compressed_sent_bytes, frames[0].compressed_bytes);
      const auto answer = codecs.take()->deflate(frames[0].payload, 9);
      give_compressed(0, answer.payload);
      EXPECT_EQ(handle_ready(), 1U);
      EXPECT_EQ(exchange->result().compressed_received_bytes, answer.payload.size());
    } else {
      // A server may leave a message as it is (RFC 7692, section 6).
      give(1, Opcode::binary, frames[0].payload);
      EXPECT_EQ(handle_ready(), 1U);
    }
  }
  EXPECT_EQ(exchange->result().deflate_agreed, 2U);
  EXPECT_EQ(exchange->result().compressed_sent_message_bytes, 2'000U);
  EXPECT_EQ(exchange->result().compressed_received, 1U);
  EXPECT_EQ(exchange->result().compressed_received_message_bytes, 1'000U);
  const auto result = finish();
  EXPECT_EQ(result.counts.answered, 2U);
  EXPECT_EQ(result.counts.corrupt, 0U);
}

TEST_F(WebSocketExchangeTest, WhereCompressionIsDeclinedMessagesAreSentAsTheyAre) {
  prepare_deflate(1);
  establish(0);
  EXPECT_EQ(exchange->result().deflate_declined, 1U);
  exchange->issue(0, start_ns);
  const auto frames = take_frames(0);
  ASSERT_EQ(frames.size(), 1U) << "with RSV1 it would not be read";
  EXPECT_TRUE(std::ranges::equal(frames[0].payload, payload->message(40, 0)));
  EXPECT_EQ(exchange->result().compressed_sent, 0U);
  give_compressed(0, frames[0].payload);
  handle_ready();
  EXPECT_THAT(exchange->errors(), ElementsAre(Pair("protocol error: a reserved bit is set", 1)));
}

TEST_F(WebSocketExchangeTest, WhatTheServerCompressedBadlyEndsTheConnection) {
  prepare_deflate(3);
  for (const std::uint32_t index : {0U, 1U, 2U}) {
    establish_deflate(index);
    exchange->issue(index, start_ns);
    take_frames(index);
  }
  protocol::MessageCodec codec;
  give_compressed(0, std::vector(4, std::byte{0xff}));
  const auto too_long = codec.deflate(std::vector<std::byte>(1'001), 15);
  give_compressed(1, too_long.payload);
  auto changed = std::vector(payload->message(42, 0).begin(), payload->message(42, 0).end());
  changed[999] ^= std::byte{1};
  give_compressed(2, codec.deflate(changed, 15).payload);
  EXPECT_EQ(handle_ready(), 1U);
  EXPECT_THAT(exchange->errors(), ElementsAre(Pair("protocol error: a message that is too big", 1),
                                              Pair("protocol error: bad compressed data", 1)));
  EXPECT_EQ(exchange->result().protocol_errors, 2U);
  EXPECT_EQ(finish().counts.corrupt, 1U) << "the third says something else";
}

// In turn with another connection's, so that each part may have to be compressed again.
TEST_F(WebSocketExchangeTest, CompressedMessagesThatLeaveInPartsAreWholeAndCountedOnce) {
  constexpr std::size_t large = 3'000'000;
  prepare_deflate(2, large);
  std::size_t compressed_bytes = 0;
  for (const std::uint32_t index : {0U, 1U}) {
    establish_deflate(index);
    exchange->issue(index, start_ns);
  }
  std::vector<std::vector<Frame>> frames(2);
  for (int turn = 0; turn < 1'000 && frames[0].size() + frames[1].size() < 2; ++turn) {
    handle_ready();
    for (const std::uint32_t index : {0U, 1U}) {
      for (Frame& frame : take_frames(index)) frames[index].push_back(std::move(frame));
    }
  }
  for (const std::uint32_t index : {0U, 1U}) {
    ASSERT_EQ(frames[index].size(), 1U);
    EXPECT_TRUE(std::ranges::equal(frames[index][0].payload, payload->message(40 + index, 0)));
    compressed_bytes += frames[index][0].compressed_bytes;
  }
  EXPECT_EQ(exchange->result().compressed_sent, 2U);
  EXPECT_EQ(exchange->result().compressed_sent_bytes, compressed_bytes);
  EXPECT_EQ(exchange->result().compressed_sent_message_bytes, 2 * large);
}

}  // namespace
}  // namespace c1m::loadgen
