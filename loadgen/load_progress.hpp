// Shows on stderr how far a run is: a bar on a terminal, a line every few seconds elsewhere.
// Invariant: nothing goes to stdout, and nothing at all with --progress never.
// Threads: one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "loadgen/live_board.hpp"
#include "loadgen/load_settings.hpp"
#include "measure/load_document.hpp"
#include "os/clock.hpp"

namespace c1m::loadgen {

// What one line says.
struct ProgressFigures {
  std::string_view phase;
  double done = 0;  // 0..1
  std::uint64_t established = 0;
  std::uint64_t connections = 0;
  double answers_per_s = 0;
  std::optional<os::Nanoseconds> latency_p99_ns = {};   // of the last interval; nothing: no answer
  std::optional<os::Nanoseconds> send_lag_p99_ns = {};  // likewise
  std::uint64_t errors = 0;                             // so far
  std::uint64_t outstanding = 0;
  std::optional<std::uint64_t> beside = {};  // half-open and slow clients that stand, if asked for
};

// "window 40 %: 20 of 20 connections, 20003 answers/s, p99 310 us, send lag p99 60 us, 0 errors,
// 3 outstanding", with ", 30 beside" if there are half-open or slow clients, preceded by a bar of
// `bar_columns` columns if that is not 0.
[[nodiscard]] std::string format_progress(const ProgressFigures& figures, int bar_columns);

class LoadProgress {
 public:
  explicit LoadProgress(const LoadSettings& settings);

  // A phase whose length is not known begins.
  void enter(std::string_view phase);
  void enter_window(const measure::LoadWindow& window);
  // It is time to show something.
  [[nodiscard]] bool is_due(os::Nanoseconds now_ns) const {
    return shown_ && now_ns - last_shown_ns_ >= interval_ns_;
  }
  void show(os::Nanoseconds now_ns, const LiveFigures& live);
  [[nodiscard]] const std::string& phase() const { return phase_; }
  // Leaves the terminal on a fresh line.
  void finish();

 private:
  [[nodiscard]] double done(os::Nanoseconds now_ns, const LiveFigures& live) const;

  bool shown_;
  bool is_terminal_;
  os::Nanoseconds interval_ns_;
  std::uint64_t connections_;
  bool has_beside_;
  std::string phase_;
  measure::LoadWindow window_;
  os::Nanoseconds last_shown_ns_;
  LiveFigures last_;
  bool line_is_open_ = false;
};

}  // namespace c1m::loadgen
