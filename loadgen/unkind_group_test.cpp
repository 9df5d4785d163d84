// Half-open clients say nothing, slow ones a byte at its time; whom the server ends comes back, and
// is counted.
#include "loadgen/unkind_group.hpp"

#include <array>
#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "loadgen/accept_fixture.hpp"
#include "loadgen/traffic.hpp"
#include "os/limits.hpp"
#include "os/socket.hpp"
#include "protocol/accept_key.hpp"

namespace c1m::loadgen {
namespace {

constexpr os::Nanoseconds ms = os::ns_per_ms;
constexpr os::Nanoseconds start_ns = 1'000 * ms;
constexpr std::uint64_t tag = std::uint64_t{1} << 32;
constexpr measure::LoadWindow window{.start_ns = start_ns, .end_ns = start_ns + 1'000 * ms};

// The clock is virtual but the sockets are real: loopback, to a listener that the test plays.
class UnkindGroupTest : public testing::Test {
 protected:
  void begin(std::uint32_t count, os::Nanoseconds byte_interval_ns,
             const std::optional<WebSocketTerms>& websocket = {}) {
    speech = make_unkind_speech(payload, websocket);
    group.emplace(UnkindTerms{.range = {.first = 700, .count = count},
                              .tag = tag,
                              .byte_interval_ns = byte_interval_ns,
                              .timeout_ns = timeout_ns,
                              .connect_rate_per_s = connect_rate_per_s},
                  *speech, routes, clock, poller);
    group->observe(window);
    group->advance(clock.now_ns());
  }
  void begin_standing(std::uint32_t count, os::Nanoseconds byte_interval_ns = 0) {
    begin(count, byte_interval_ns);
    while (group->standing() < count) {
      handle_ready();
      accept();
    }
  }

  void accept() { accept_soon(listener.get(), peers); }

  // What is there within `wait_ns`.
  void handle_ready(os::Nanoseconds wait_ns = 100 * ms) {
    std::array<epoll_event, 1> events{};
    if (poller.wait(events, wait_ns).value() == 0) return;
    ASSERT_EQ(events[0].data.u64 & tag, tag);
    group->handle(static_cast<std::uint32_t>(events[0].data.u64), events[0].events);
  }

  // What has come to the peer: bytes, "end", or nothing.
  std::string seen_by(std::size_t peer) {
    std::array<char, 1'000> bytes{};
    const auto got = os::read_some(peers[peer].get(), std::as_writable_bytes(std::span(bytes)));
    if (!got) return "";
    return *got == 0 ? "end" : std::string(bytes.data(), *got);
  }
  void give(std::size_t peer, std::string_view text) {
    ASSERT_EQ(os::write_some(peers[peer].get(), std::as_bytes(std::span(text))), text.size());
  }
  std::string request(std::uint32_t number, std::uint32_t sequence = 0) {
    const auto message = payload.message(number, sequence);
    return {reinterpret_cast<const char*>(message.data()), message.size()};
  }

  const os::Nanoseconds timeout_ns = 500 * ms;
  double connect_rate_per_s = 0;
  os::ManualClock clock{start_ns};
  os::Poller poller = os::Poller::create().value();
  Payload payload{4, 1};
  os::Descriptor listener = os::listen_tcp(os::Endpoint::ipv4(INADDR_LOOPBACK, 0), {}).value();
  Routes routes{{os::local_endpoint(listener.get()).value()}, {}};
  std::unique_ptr<UnkindSpeech> speech;
  std::optional<UnkindGroup> group;
  std::vector<os::Descriptor> peers;
};

TEST_F(UnkindGroupTest, HalfOpenOnesStandAndSayNothing) {
  begin(2, 0);
  EXPECT_FALSE(group->settled());
  while (!group->settled()) {
    handle_ready();
    accept();
  }
  EXPECT_EQ(group->standing(), 2U);
  EXPECT_EQ(group->next_due_ns(), never_ns);
  clock.advance(500 * ms);
  group->advance(clock.now_ns());
  EXPECT_EQ(seen_by(0), "");
  give(0, "are you there?");
  handle_ready(10 * ms);
  EXPECT_EQ(group->standing(), 2U) << "it does not read";
  clock.advance(1'000 * ms);
  const measure::UnkindResult result = group->result();
  EXPECT_EQ(result.asked, 2U);
  EXPECT_EQ(result.opened, 2U);
  EXPECT_EQ(result.standing_at_end, 2U);
  EXPECT_EQ(result.bytes_sent, 0U);
  EXPECT_DOUBLE_EQ(result.standing_client_s, 2) << "in the window";
}

TEST_F(UnkindGroupTest, WhomTheServerEndsComesBackAndIsCounted) {
  begin_standing(1);
  clock.advance(300 * ms);
  peers[0].reset();
  handle_ready();
  EXPECT_EQ(group->standing(), 0U);
  EXPECT_EQ(group->next_due_ns(), clock.now_ns()) << "its attempt was long ago";
  group->advance(clock.now_ns());
  handle_ready();
  accept();
  EXPECT_EQ(group->standing(), 1U);
  const measure::UnkindResult result = group->result();
  EXPECT_EQ(result.opened, 2U);
  EXPECT_EQ(result.ended, 1U);
  EXPECT_EQ(result.imbalance(), 0U);
  EXPECT_THAT(result.end_errors, testing::ElementsAre(testing::Pair(closed_by_peer, 1U)));
  EXPECT_NEAR(static_cast<double>(result.ended_after_ns.max()), 300 * ms, 0.001 * 300 * ms);
  EXPECT_DOUBLE_EQ(result.standing_client_s, 0.3);
}

TEST_F(UnkindGroupTest, AServerThatEndsThemAtOnceIsNotStormed) {
  begin_standing(1);
  clock.advance(ms);
  peers[0].reset();
  handle_ready();
  EXPECT_EQ(group->next_due_ns(), start_ns + UnkindGroup::retry_pause_ns);
  group->advance(clock.now_ns());
  EXPECT_EQ(group->next_due_ns(), start_ns + UnkindGroup::retry_pause_ns) << "not before";
}

TEST_F(UnkindGroupTest, RefusedOnesAreCountedAndTriedAgain) {
  listener.reset();
  begin(1, 0);
  handle_ready();
  EXPECT_TRUE(group->settled()) << "it was tried";
  clock.advance(UnkindGroup::retry_pause_ns);
  group->advance(clock.now_ns());
  handle_ready();
  const measure::UnkindResult result = group->result();
  EXPECT_EQ(result.connects_failed, 2U);
  EXPECT_EQ(result.opened, 0U);
  EXPECT_THAT(result.connect_errors, testing::ElementsAre(testing::Pair("ECONNREFUSED", 2U)));
}

// Ten clients whose attempts fail at once would make a hundred of them a second.
TEST_F(UnkindGroupTest, AttemptsOfAllTogetherKeepToThePace) {
  listener.reset();
  connect_rate_per_s = 20;
  begin(10, 0);
  for (int step = 0; step < 2'000; ++step) {
    handle_ready(0);
    clock.advance(ms);
    group->advance(clock.now_ns());
  }
  EXPECT_TRUE(group->settled());
  EXPECT_LE(group->result().connects_failed, 41U) << "20 a second for 2 s";
  EXPECT_GE(group->result().connects_failed, 35U);
}

TEST_F(UnkindGroupTest, APaceThatNobodyKeptIsNotCaughtUpWith) {
  connect_rate_per_s = 10;
  begin(2, 0);
  clock.advance(100 * ms);
  group->advance(clock.now_ns());
  while (group->standing() < 2) {
    handle_ready();
    accept();
  }
  clock.advance(60'000 * ms);
  peers.clear();
  while (group->standing() > 0) handle_ready();
  group->advance(clock.now_ns());
  EXPECT_EQ(group->next_due_ns(), clock.now_ns() + 100 * ms) << "one at a time";
}

TEST_F(UnkindGroupTest, SoManyAreInProgressAtMost) {
  ASSERT_GT(os::raise_descriptor_limit().value(), Connector::in_progress_max + 100U);
  begin(Connector::in_progress_max + 50, 0);
  for (int step = 0; step < 100; ++step) group->advance(clock.now_ns());
  EXPECT_EQ(group->next_due_ns(), start_ns + timeout_ns) << "when the first is given up";
}

TEST_F(UnkindGroupTest, SlowOnesSendAByteAnIntervalSpreadOverThem) {
  begin_standing(2, 100 * ms);
  EXPECT_EQ(group->next_due_ns(), start_ns + 50 * ms) << "the first turn was the first one's, "
                                                         "which did not stand yet";
  std::string first;
  std::string second;
  for (int half = 0; half < 12; ++half) {
    clock.advance(50 * ms);
    group->advance(clock.now_ns());
    first += seen_by(0);
    second += seen_by(1);
  }
  EXPECT_EQ(first, request(700) + request(700, 1).substr(0, 2));
  EXPECT_EQ(second, request(701) + request(701, 1).substr(0, 2));
  EXPECT_EQ(group->result().bytes_sent, 12U);
}

TEST_F(UnkindGroupTest, ASlowOneThatIsBehindSendsOneByte) {
  begin_standing(1, 100 * ms);
  clock.advance(1'050 * ms);
  group->advance(clock.now_ns());
  EXPECT_EQ(seen_by(0).size(), 1U);
  EXPECT_EQ(group->next_due_ns(), start_ns + 1'100 * ms);
}

TEST_F(UnkindGroupTest, AnswersToSlowOnesAreVerified) {
  begin_standing(1, 100 * ms);
  std::string said;
  while (said.size() < 8) {
    clock.advance(100 * ms);
    group->advance(clock.now_ns());
    said += seen_by(0);
  }
  said[6] ^= 1;
  give(0, said.substr(0, 3));
  handle_ready();
  EXPECT_EQ(group->result().answered, 0U);
  give(0, said.substr(3));
  handle_ready();
  EXPECT_EQ(group->result().answered, 2U);
  EXPECT_EQ(group->result().corrupt, 1U);
  give(0, "more");
  handle_ready();
  EXPECT_EQ(group->result().corrupt, 2U);
  EXPECT_THAT(group->result().end_errors,
              testing::ElementsAre(testing::Pair("bytes that were not asked for", 1U)));
}

TEST_F(UnkindGroupTest, AnAnswerThatIsWrongBeforeItIsWholeCounts) {
  begin_standing(1, 100 * ms);
  std::string said;
  while (said.size() < 2) {
    clock.advance(100 * ms);
    group->advance(clock.now_ns());
    said += seen_by(0);
  }
  said[1] ^= 1;
  give(0, said.substr(0, 2));
  handle_ready();
  EXPECT_EQ(group->result().corrupt, 1U) << "at the run's end";
  EXPECT_EQ(group->result().answered, 0U);
  peers[0].reset();
  handle_ready();
  EXPECT_EQ(group->standing(), 0U);
  EXPECT_EQ(group->result().corrupt, 1U) << "and at its own, once";
}

TEST_F(UnkindGroupTest, HalfOpenOnesOfWebSocketStandAfterTheirHandshake) {
  begin(1, 0, WebSocketTerms{.hosts = {"h:1"}, .message_bytes_max = 100});
  handle_ready();
  accept();
  EXPECT_EQ(group->standing(), 0U);
  const std::string asked = seen_by(0);
  ASSERT_THAT(asked, testing::EndsWith("\r\n\r\n"));
  const std::size_t key = asked.find("Sec-WebSocket-Key: ") + 19;
  give(0,
       "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
       "Sec-WebSocket-Accept: " +
           protocol::accept_value(asked.substr(key, asked.find("\r\n", key) - key)) + "\r\n\r\n");
  handle_ready();
  EXPECT_EQ(group->standing(), 1U);
  give(0, std::string("\x89\0", 2));
  handle_ready(10 * ms);
  EXPECT_EQ(seen_by(0), "") << "a ping has no answer";
}

TEST_F(UnkindGroupTest, AHandshakeThatTakesTooLongIsAFailedConnect) {
  begin(1, 0, WebSocketTerms{.hosts = {"h:1"}, .message_bytes_max = 100});
  handle_ready();
  EXPECT_EQ(group->next_due_ns(), start_ns + timeout_ns);
  clock.advance(timeout_ns);
  group->advance(clock.now_ns());
  EXPECT_TRUE(group->settled());
  EXPECT_THAT(group->result().connect_errors,
              testing::ElementsAre(testing::Pair("handshake: ETIMEDOUT", 1U)));
}

}  // namespace
}  // namespace c1m::loadgen
