// Ends the connections of a shard when the plan says that their lives are over, and opens them
// anew.
//
// Ends have their moments whatever the server does, like an open loop's requests. A connection ends
// when all that it has sent is answered, in order or by a reset; what falls due for it until it
// stands again waits, and counts from its intended time. An end that falls due while its connection
// is still on its way from the one before, or gone, is skipped. A connection costs 16 bytes here,
// and what is under way costs more. Invariants: those of measure::ChurnResult; no connection is
// opened while the owner handles a batch of events, which may hold one of the descriptor before.
// Threads: one owner. Not here: sockets (echo_exchange, connect_attempts), waiting (shard_wait).
#pragma once

#include <cstdint>
#include <functional>
#include <queue>
#include <string>
#include <unordered_map>
#include <vector>

#include "loadgen/connect_attempts.hpp"
#include "loadgen/echo_exchange.hpp"
#include "loadgen/lifetime.hpp"
#include "loadgen/under_way.hpp"
#include "measure/churn_result.hpp"
#include "os/clock.hpp"

namespace c1m::loadgen {

class Churn final : private LifeObserver {
 public:
  // The end of a connection's present life.
  struct End {
    os::Nanoseconds due_ns = 0;
    std::uint32_t index = 0;
    std::uint32_t life = 0;

    friend auto operator<=>(const End&, const End&) = default;
  };

  // Lives of `range` from `start_ns`, the plan's zero, on; those that end at or after `end_ns` are
  // not ended. `attempts` is for this alone.
  Churn(EchoExchange& exchange, const LifePlan& plan, ConnectionRange range,
        ConnectAttempts& attempts, const os::Clock& clock, os::Nanoseconds timeout_ns,
        os::Nanoseconds start_ns, os::Nanoseconds end_ns);
  Churn(const Churn&) = delete;
  Churn& operator=(const Churn&) = delete;
  // Connections end for good again; those that are being closed or opened do at once.
  ~Churn();

  // When advance() has something to do.
  [[nodiscard]] os::Nanoseconds next_due_ns() const;
  // Ends what is due, a burst at most, opens what has parted, gives up what takes too long.
  void advance(os::Nanoseconds now_ns);
  // Handles an event of a connection in the state `connecting`.
  void handle(std::uint32_t index);
  // No life is ended at or after `end_ns`; may only move to an earlier time.
  void end_at(os::Nanoseconds end_ns);

  // Every end that was due before `end_ns` is over, and its connection stands again or has failed.
  [[nodiscard]] bool finished() const { return away_.empty() && !has_due_before(end_ns_); }
  // Connections on their way from one life to the next.
  [[nodiscard]] std::size_t away() const { return away_.size(); }
  [[nodiscard]] std::uint64_t reopened() const { return result_.reopened; }
  [[nodiscard]] std::uint64_t resets() const { return result_.resets; }
  // With what is still under way counted as such.
  [[nodiscard]] measure::ChurnResult result() const;

 private:
  void on_closing(std::uint32_t index) override;
  void on_parted(std::uint32_t index, const std::string& reason) override;

  [[nodiscard]] bool has_due_before(os::Nanoseconds time_ns) const {
    return !ends_.empty() && ends_.top().due_ns < time_ns;
  }
  void end_next();
  void open_parted();
  void follow(std::uint32_t index, ConnectAttempts::Progress progress);

  EchoExchange& exchange_;
  LifePlan plan_;
  ConnectionRange range_;
  ConnectAttempts& attempts_;
  const os::Clock& clock_;
  os::Nanoseconds timeout_ns_;
  os::Nanoseconds end_ns_;
  std::priority_queue<End, std::vector<End>, std::greater<>> ends_;  // one a connection
  std::unordered_map<std::uint32_t, os::Nanoseconds> away_;          // since the planned end
  struct NoNote {};
  UnderWay<NoNote> closing_;
  std::vector<std::uint32_t> parted_;  // to be opened
  measure::ChurnResult result_;
};

}  // namespace c1m::loadgen
