// Shows on stderr how far a run is: a bar on a terminal, a line every few seconds elsewhere.
// Invariant: nothing goes to stdout, and nothing at all with --progress never.
// Threads: one.
#pragma once

#include <string>
#include <string_view>

#include "loadgen/load_settings.hpp"
#include "loadgen/shard_fleet.hpp"
#include "measure/load_document.hpp"
#include "os/clock.hpp"

namespace c1m::loadgen {

// One line: "window 12.0/30.0 s, 20003 req/s, 1000 established, 3 outstanding", preceded by
// a bar of `bar_columns` columns if that is not 0. `done` is 0..1.
[[nodiscard]] std::string format_progress(std::string_view phase, double done, double answers_per_s,
                                          const FleetStatus& status, std::uint64_t connections,
                                          int bar_columns);

class LoadProgress {
 public:
  explicit LoadProgress(const LoadSettings& settings);

  // A phase whose length is not known begins.
  void enter(std::string_view phase);
  void enter_window(const measure::LoadWindow& window);
  // Shows the present state if it is time to.
  void show(os::Nanoseconds now_ns, const FleetStatus& status);
  // Leaves the terminal on a fresh line.
  void finish();

 private:
  [[nodiscard]] double done(os::Nanoseconds now_ns, const FleetStatus& status) const;

  bool shown_;
  bool is_terminal_;
  os::Nanoseconds interval_ns_;
  std::uint64_t connections_;
  std::string phase_;
  measure::LoadWindow window_;
  os::Nanoseconds last_shown_ns_;
  std::uint64_t last_answered_ = 0;
  bool line_is_open_ = false;
};

}  // namespace c1m::loadgen
