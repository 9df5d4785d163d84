// See precision_flags.hpp.
#include "loadgen/precision_flags.hpp"

#include <fmt/format.h>

namespace c1m::loadgen {

SendPrecision read_precision(FlagReader& reader, const PrecisionTexts& texts, bool is_open_loop,
                             os::Nanoseconds send_lag_max_ns) {
  SendPrecision precision;
  precision.spin_ns = reader.duration("--spin", texts.spin, 0);
  if (texts.timer_slack.empty()) return precision;
  precision.slack_ns = reader.duration("--timer-slack", texts.timer_slack, 0);
  if (!is_open_loop) {
    reader.report("--timer-slack", "only an open loop (-R) waits for the time of a request");
  } else if (precision.spin_ns > 0) {
    reader.report("--timer-slack", "cannot be together with --spin, which is for the opposite");
  } else if (precision.slack_ns > send_lag_max_ns) {
    reader.report("--timer-slack", fmt::format("'{}' is more than --max-send-lag-p99 allows a "
                                               "request to be late: the run would not be valid",
                                               texts.timer_slack));
  }
  return precision;
}

}  // namespace c1m::loadgen
