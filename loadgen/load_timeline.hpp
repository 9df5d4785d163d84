// The window second by second: requests by their intended time, and how things stood at its end.
//
// A second's histogram is a few hundred KB while it is being filled and a few KB once sealed
// (encoded). Sealing costs some 0.1 ms, so the owner asks for it when it has nothing to send; a
// late answer to a sealed second opens it again. So memory stays flat over hours.
// Threads: one owner. Not here: clocks; percentiles (the supervisor takes them after merging).
#pragma once

#include <cstdint>
#include <vector>

#include "measure/histogram.hpp"
#include "measure/load_document.hpp"
#include "measure/load_result.hpp"
#include "os/clock.hpp"

namespace c1m::loadgen {

class LoadTimeline {
 public:
  void open(const measure::LoadWindow& window);
  // Drops the seconds that begin at or after `end_ns`.
  void cut(os::Nanoseconds end_ns);

  // `intended_ns` lies in the window.
  void on_sent(os::Nanoseconds intended_ns) { ++row(intended_ns).figures.sent; }
  void on_answered(os::Nanoseconds intended_ns, os::Nanoseconds latency_ns);
  // A request that was given up: its latency is at least this, and it is no answer.
  void on_timed_out(os::Nanoseconds intended_ns, os::Nanoseconds waited_ns);

  // When the present second ends and wants its sample; the far future when all are sampled.
  [[nodiscard]] os::Nanoseconds next_sample_ns() const;
  // Ends every second up to `now_ns` with these figures.
  void sample(os::Nanoseconds now_ns, std::uint64_t in_flight, std::uint64_t established);

  // Seals one ended second, the oldest first; false when none is open that ended before `now_ns`.
  bool seal_one(os::Nanoseconds now_ns);
  // Open seconds; beyond open_seconds_max the owner should seal even if it has something to send.
  [[nodiscard]] std::size_t open_seconds() const { return open_seconds_; }
  static constexpr std::size_t open_seconds_max = 64;

  // Seals everything and hands it over.
  [[nodiscard]] std::vector<measure::TimelineSecond> finish();

 private:
  struct Row {
    measure::TimelineSecond figures;
    measure::Histogram latency_ns;  // empty once sealed
  };

  Row& row(os::Nanoseconds intended_ns);
  [[nodiscard]] std::size_t seconds_in_window() const;
  void record(Row& row, os::Nanoseconds latency_ns);
  void seal(Row& row);

  measure::LoadWindow window_;
  std::vector<Row> rows_;  // grows as time reaches each second
  std::size_t sampled_ = 0;
  std::size_t open_seconds_ = 0;
  std::size_t first_open_ = 0;  // no second before it is open
};

}  // namespace c1m::loadgen
