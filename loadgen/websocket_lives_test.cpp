// A life over WebSocket ends with its closing handshake, after the pong, and the next has a
// handshake of its own.
#include <utility>
#include <vector>

#include <gmock/gmock.h>

#include "loadgen/websocket_exchange_fixture.hpp"

namespace c1m::loadgen {
namespace {

class WebSocketLivesTest : public WebSocketExchangeTest, protected LifeObserver {
 protected:
  void on_closing(std::uint32_t index) override { closing.push_back(index); }
  void on_parted(std::uint32_t index, const std::string& reason) override {
    parted.emplace_back(index, reason);
  }

  std::vector<std::uint32_t> closing;
  std::vector<std::pair<std::uint32_t, std::string>> parted;
};

TEST_F(WebSocketLivesTest, EndsAfterAnswerAndPong) {
  prepare(1);
  establish(0);
  exchange->renew_for(this);
  exchange->issue(0, start_ns);
  exchange->ping(0, start_ns);
  exchange->retire(0);
  const auto frames = take_frames(0);
  ASSERT_EQ(frames.size(), 2U) << "the message and the ping, no Close";
  give(0, Opcode::binary, frames[0].payload);
  EXPECT_EQ(handle_ready(), 1U);
  EXPECT_THAT(closing, testing::IsEmpty()) << "the ping has no pong yet";
  give(0, Opcode::pong, frames[1].payload);
  handle_ready();
  EXPECT_THAT(closing, testing::ElementsAre(0U));
  ASSERT_EQ(take_frames(0).size(), 1U);
  EXPECT_EQ(last_close, protocol::CloseCode::normal);
  exchange->ping(0, start_ns + 1);
  EXPECT_EQ(exchange->result().pings_sent, 1U) << "its life is over";

  give_close(0, 1'000);
  peers[0].reset();
  handle_ready();
  handle_ready();
  EXPECT_THAT(parted, testing::ElementsAre(std::pair(0U, std::string(closed_by_peer))));
  EXPECT_EQ(exchange->connection(0).state, ConnectionState::parted);
  EXPECT_EQ(exchange->result().closes_answered, 1U);
  EXPECT_EQ(exchange->result().pongs_received, 1U);
  EXPECT_EQ(exchange->pings_out(), 0U);
}

TEST_F(WebSocketLivesTest, TheNextLifeHasAKeyOfItsOwnAndSendsWhatWaited) {
  prepare(1);
  ASSERT_EQ(connect(0), Opening::pending);
  const std::string first = take_text(0);
  give(0, agreement(first));
  ASSERT_EQ(exchange->go_on_opening(0), Opening::established);
  exchange->renew_for(this);
  exchange->retire(0);
  take_frames(0);
  exchange->issue(0, start_ns);
  give_close(0, 1'000);
  peers[0].reset();
  handle_ready();
  handle_ready();
  ASSERT_EQ(parted.size(), 1U);
  readers.clear();

  clock.advance(ms);
  ASSERT_EQ(connect(0), Opening::pending);
  const std::string second = take_text(0);
  EXPECT_NE(first, second) << "RFC 6455, section 4.1: a nonce is selected for each connection";
  give(0, agreement(second));
  ASSERT_EQ(exchange->go_on_opening(0), Opening::established);
  exchange->resume(0);
  echo(0);
  EXPECT_EQ(handle_ready(), 1U);
  EXPECT_EQ(finish().counts.answered, 1U);
}

TEST_F(WebSocketLivesTest, AServersOwnCloseDuringTheEndIsNoAnswerLost) {
  prepare(1);
  establish(0);
  exchange->renew_for(this);
  exchange->issue(0, start_ns);
  exchange->retire(0);
  take_frames(0);
  give_close(0, 1'001);
  handle_ready();
  ASSERT_EQ(parted.size(), 1U);
  EXPECT_EQ(parted[0].second, "Close 1001");
  EXPECT_EQ(exchange->result().closes_received, 1U);
  EXPECT_EQ(finish().counts.lost, 1U) << "it was sent and not answered";
}

}  // namespace
}  // namespace c1m::loadgen
