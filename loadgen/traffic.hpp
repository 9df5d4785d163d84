// When requests are sent: by a plan (open loop), on each answer (closed loop), or once on each
// connection (proof that it is alive).
//
// Invariant: a Traffic decides only the moment; EchoExchange does the sending and the accounting.
// Threads: one owner. Not here: waiting (shard_wait).
#pragma once

#include <cstdint>
#include <limits>

#include "loadgen/arrival_plan.hpp"
#include "loadgen/echo_exchange.hpp"
#include "os/clock.hpp"

namespace c1m::loadgen {

inline constexpr os::Nanoseconds never_ns = std::numeric_limits<os::Nanoseconds>::max();

// The most requests sent before the owner looks for answers again: a generator that has fallen
// behind must not stop reading.
inline constexpr int burst_max = 64;

class Traffic {
 public:
  Traffic() = default;
  Traffic(const Traffic&) = delete;
  Traffic& operator=(const Traffic&) = delete;
  virtual ~Traffic() = default;

  // When the next request is due; never_ns when only an answer can bring one.
  [[nodiscard]] virtual os::Nanoseconds next_due_ns() const = 0;
  // Sends what is due at `now_ns`, at most burst_max requests.
  virtual void send_due(os::Nanoseconds now_ns) = 0;
  // So many more of a connection's requests are answered.
  virtual void on_answered(std::uint32_t index, std::uint32_t count) = 0;
  // Nothing is to be sent at or after `end_ns`; may only move to an earlier time.
  virtual void end_at(os::Nanoseconds end_ns) = 0;
};

// Sends each arrival of the plan at its time, whatever has been answered.
class OpenLoop final : public Traffic {
 public:
  // `start_ns` is the plan's zero; `range` the connections of this shard.
  OpenLoop(EchoExchange& exchange, ShardPlan plan, ConnectionRange range, os::Nanoseconds start_ns);

  [[nodiscard]] os::Nanoseconds next_due_ns() const override { return next_due_ns_; }
  void send_due(os::Nanoseconds now_ns) override;
  void on_answered(std::uint32_t, std::uint32_t) override {}
  void end_at(os::Nanoseconds end_ns) override;

 private:
  void find_next_due();

  EchoExchange& exchange_;
  ShardPlan plan_;
  ConnectionRange range_;
  os::Nanoseconds start_ns_;
  os::Nanoseconds end_ns_ = never_ns;
  os::Nanoseconds next_due_ns_ = never_ns;
};

// Keeps `pipeline` requests outstanding on each connection.
class ClosedLoop final : public Traffic {
 public:
  ClosedLoop(EchoExchange& exchange, std::uint32_t pipeline, os::Nanoseconds start_ns,
             os::Nanoseconds end_ns)
      : exchange_(exchange), pipeline_(pipeline), start_ns_(start_ns), end_ns_(end_ns) {}

  [[nodiscard]] os::Nanoseconds next_due_ns() const override;
  void send_due(os::Nanoseconds now_ns) override;
  void on_answered(std::uint32_t index, std::uint32_t count) override;
  void end_at(os::Nanoseconds end_ns) override;

 private:
  [[nodiscard]] std::uint64_t requests_to_start() const {
    return std::uint64_t{exchange_.connection_count()} * pipeline_;
  }

  EchoExchange& exchange_;
  const std::uint32_t pipeline_;
  os::Nanoseconds start_ns_;
  os::Nanoseconds end_ns_;
  std::uint64_t started_ = 0;  // requests that were sent without waiting for an answer
};

// One request on each connection that was opened, a few at a time.
class AliveProof final : public Traffic {
 public:
  AliveProof(EchoExchange& exchange, os::Nanoseconds start_ns)
      : exchange_(exchange), start_ns_(start_ns) {}

  [[nodiscard]] os::Nanoseconds next_due_ns() const override;
  void send_due(os::Nanoseconds now_ns) override;
  void on_answered(std::uint32_t, std::uint32_t) override {}
  void end_at(os::Nanoseconds end_ns) override;
  [[nodiscard]] bool finished() const { return issued_ == exchange_.connection_count(); }

 private:
  // A queue that every server holds without loss, and enough to keep it busy.
  static constexpr std::uint32_t outstanding_max = 256;

  [[nodiscard]] bool is_opened(std::uint32_t index) const {
    return exchange_.connection(index).state != ConnectionState::unopened;
  }

  EchoExchange& exchange_;
  os::Nanoseconds start_ns_;
  std::uint32_t issued_ = 0;  // connections that were taken in turn
};

}  // namespace c1m::loadgen
