// Pings come evenly and to every connection in turn; closing is bounded.
#include "loadgen/websocket_rounds.hpp"

#include "loadgen/websocket_exchange_fixture.hpp"

namespace c1m::loadgen {
namespace {

class WebSocketRounds : public WebSocketExchangeTest {
 protected:
  void open(std::uint32_t connections) {
    prepare(connections);
    for (std::uint32_t index = 0; index < connections; ++index) establish(index);
  }
};

TEST_F(WebSocketRounds, PingsAreSpreadOverTheirInterval) {
  open(4);
  PingRound round(*exchange, 100 * ms, start_ns, start_ns + 150 * ms);
  std::vector<os::Nanoseconds> due_ms;
  while (round.next_due_ns() != never_ns) {
    due_ms.push_back((round.next_due_ns() - start_ns) / ms);
    round.send_due(round.next_due_ns());
  }
  EXPECT_EQ(due_ms, (std::vector<os::Nanoseconds>{0, 25, 50, 75, 100, 125}));
  EXPECT_EQ(exchange->result().pings_sent, 4U);
  EXPECT_EQ(exchange->result().pings_skipped, 2U) << "nobody has answered the first turn";
  for (std::uint32_t index = 0; index < 4; ++index) EXPECT_EQ(take_frames(index).size(), 1U);
}

TEST_F(WebSocketRounds, NothingIsSentBeforeItIsDue) {
  open(1);
  PingRound round(*exchange, 100 * ms, start_ns, start_ns + 150 * ms);
  round.send_due(start_ns - 1);
  EXPECT_EQ(exchange->result().pings_sent, 0U);
}

TEST_F(WebSocketRounds, ClosesNoMoreAtATimeThanItsBound) {
  constexpr std::uint32_t connections = CloseRound::under_way_max + 2;
  open(connections);
  CloseRound round(*exchange, start_ns);
  EXPECT_TRUE(round.goes_on(start_ns, ms));
  EXPECT_EQ(exchange->closing(), CloseRound::under_way_max);
  for (std::uint32_t index = 0; index < CloseRound::under_way_max; ++index) peers[index] = {};
  for (std::uint32_t turn = 0; turn < connections; ++turn) handle_ready();
  EXPECT_TRUE(round.goes_on(start_ns, ms));
  EXPECT_EQ(exchange->closing(), 2U);
  peers.clear();
  handle_ready();
  EXPECT_FALSE(round.goes_on(start_ns, ms));
}

TEST_F(WebSocketRounds, WaitsForAsLongAsOneGetsOn) {
  open(2);
  CloseRound round(*exchange, start_ns);
  EXPECT_TRUE(round.goes_on(start_ns + 9 * ms, 10 * ms));
  EXPECT_EQ(round.deadline_ns(10 * ms), start_ns + 10 * ms);
  take_frames(0);
  give_close(0, 1'000);
  handle_ready();
  EXPECT_TRUE(round.goes_on(start_ns + 9 * ms, 10 * ms));
  EXPECT_EQ(round.deadline_ns(10 * ms), start_ns + 19 * ms);
  EXPECT_FALSE(round.goes_on(start_ns + 19 * ms, 10 * ms));
}

}  // namespace
}  // namespace c1m::loadgen
