// Drawing progress; see load_progress.hpp.
#include "loadgen/load_progress.hpp"

#include <unistd.h>

#include <algorithm>

#include <fmt/format.h>

#include "os/file.hpp"

namespace c1m::loadgen {
namespace {

constexpr int terminal_bar_columns = 24;

os::Nanoseconds interval_of(ProgressKind kind, bool is_terminal) {
  if (is_terminal) return os::ns_per_s / 5;
  return kind == ProgressKind::always ? os::ns_per_s : 5 * os::ns_per_s;
}

}  // namespace

std::string format_progress(std::string_view phase, double done, double answers_per_s,
                            const FleetStatus& status, std::uint64_t connections, int bar_columns) {
  std::string line;
  if (bar_columns > 0) {
    const auto filled = static_cast<std::size_t>(std::clamp(done, 0.0, 1.0) * bar_columns);
    line = "[" + std::string(filled, '#') +
           std::string(static_cast<std::size_t>(bar_columns) - filled, '.') + "] ";
  }
  line += fmt::format("{} {:.0f} %: {} of {} connections, {:.0f} answers/s, {} outstanding", phase,
                      std::clamp(done, 0.0, 1.0) * 100, status.established, connections,
                      answers_per_s, status.outstanding);
  return line;
}

LoadProgress::LoadProgress(const LoadSettings& settings)
    : shown_(settings.progress != ProgressKind::never),
      is_terminal_(::isatty(STDERR_FILENO) == 1),
      interval_ns_(interval_of(settings.progress, is_terminal_)),
      connections_(settings.connections),
      last_shown_ns_(os::monotonic_ns()) {}

void LoadProgress::enter(std::string_view phase) {
  phase_ = phase;
  window_ = {};
}

void LoadProgress::enter_window(const measure::LoadWindow& window) {
  phase_ = "window";
  window_ = window;
}

double LoadProgress::done(os::Nanoseconds now_ns, const FleetStatus& status) const {
  if (window_.end_ns > window_.start_ns) {
    return static_cast<double>(now_ns - window_.start_ns) /
           static_cast<double>(window_.end_ns - window_.start_ns);
  }
  return static_cast<double>(status.established) / static_cast<double>(connections_);
}

void LoadProgress::show(os::Nanoseconds now_ns, const FleetStatus& status) {
  if (!shown_ || now_ns - last_shown_ns_ < interval_ns_) return;
  const double elapsed_s =
      static_cast<double>(now_ns - last_shown_ns_) / static_cast<double>(os::ns_per_s);
  // A shard that has died takes its counters along, so that the sum may go back.
  const std::uint64_t answers = std::max(status.answered, last_answered_) - last_answered_;
  const std::string line =
      format_progress(phase_, done(now_ns, status), static_cast<double>(answers) / elapsed_s,
                      status, connections_, is_terminal_ ? terminal_bar_columns : 0);
  last_shown_ns_ = now_ns;
  last_answered_ = status.answered;
  line_is_open_ = is_terminal_;
  // Progress that cannot be shown is no reason to end a run.
  static_cast<void>(
      os::write_all(STDERR_FILENO, is_terminal_ ? "\r\x1b[K" + line : "c1m-load: " + line + "\n"));
}

void LoadProgress::finish() {
  if (line_is_open_) static_cast<void>(os::write_all(STDERR_FILENO, "\r\x1b[K"));
  line_is_open_ = false;
}

}  // namespace c1m::loadgen
