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

std::string p99_text(const char* name, const std::optional<os::Nanoseconds>& value_ns) {
  if (!value_ns) return {};
  return fmt::format(", {} {:.3g} us", name,
                     static_cast<double>(*value_ns) / static_cast<double>(os::ns_per_us));
}

}  // namespace

std::string format_progress(const ProgressFigures& figures, int bar_columns) {
  const double done = std::clamp(figures.done, 0.0, 1.0);
  std::string line;
  if (bar_columns > 0) {
    const auto filled = static_cast<std::size_t>(done * bar_columns);
    line = "[" + std::string(filled, '#') +
           std::string(static_cast<std::size_t>(bar_columns) - filled, '.') + "] ";
  }
  line += fmt::format("{} {:.0f} %: {} of {} connections, {:.0f} answers/s", figures.phase,
                      done * 100, figures.established, figures.connections, figures.answers_per_s);
  line += p99_text("p99", figures.latency_p99_ns);
  line += p99_text("send lag p99", figures.send_lag_p99_ns);
  line += fmt::format(", {} errors, {} outstanding", figures.errors, figures.outstanding);
  if (figures.beside) line += fmt::format(", {} beside", *figures.beside);
  return line;
}

LoadProgress::LoadProgress(const LoadSettings& settings)
    : shown_(settings.progress != ProgressKind::never),
      is_terminal_(::isatty(STDERR_FILENO) == 1),
      interval_ns_(interval_of(settings.progress, is_terminal_)),
      connections_(settings.connections),
      has_beside_(settings.unkind.clients() > 0),
      last_shown_ns_(os::monotonic_ns()) {}

void LoadProgress::enter(std::string_view phase) {
  phase_ = phase;
  window_ = {};
}

void LoadProgress::enter_window(const measure::LoadWindow& window) {
  phase_ = "window";
  window_ = window;
}

double LoadProgress::done(os::Nanoseconds now_ns, const LiveFigures& live) const {
  if (window_.end_ns > window_.start_ns) {
    return static_cast<double>(now_ns - window_.start_ns) /
           static_cast<double>(window_.end_ns - window_.start_ns);
  }
  return static_cast<double>(live.established) / static_cast<double>(connections_);
}

void LoadProgress::show(os::Nanoseconds now_ns, const LiveFigures& live) {
  const double elapsed_s =
      static_cast<double>(now_ns - last_shown_ns_) / static_cast<double>(os::ns_per_s);
  // A shard that has died takes its counters along, so that the sum may go back.
  const std::uint64_t answers = std::max(live.answered, last_.answered) - last_.answered;
  const ProgressFigures figures{
      .phase = phase_,
      .done = done(now_ns, live),
      .established = live.established,
      .connections = connections_,
      .answers_per_s = static_cast<double>(answers) / elapsed_s,
      .latency_p99_ns = live.latency.since(last_.latency).percentile_ns(99),
      .send_lag_p99_ns = live.send_lag.since(last_.send_lag).percentile_ns(99),
      .errors = live.errors,
      .outstanding = live.outstanding,
      .beside = has_beside_ ? std::optional(live.half_open + live.slow) : std::nullopt};
  const std::string line = format_progress(figures, is_terminal_ ? terminal_bar_columns : 0);
  last_shown_ns_ = now_ns;
  last_ = live;
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
