// See precision_flags.hpp.
#include "loadgen/precision_flags.hpp"

#include <fmt/format.h>

namespace c1m::loadgen {

SendPrecision read_precision(FlagReader& reader, const PrecisionTexts& texts, bool has_rate,
                             os::Nanoseconds send_lag_max_ns) {
  SendPrecision precision;
  precision.spin_ns = reader.duration("--spin", texts.spin, 0);
  precision.slack_ns = reader.duration("--send-slack", texts.send_slack, 0);
  if (precision.slack_ns == 0) return precision;
  if (!has_rate) {
    reader.report("--send-slack", "is for an open loop at a rate (-R), and not for a search");
  } else if (precision.spin_ns > 0) {
    reader.report("--send-slack", "cannot be together with --spin, which is for the opposite");
  } else if (precision.slack_ns > send_lag_max_ns / 2) {
    reader.report("--send-slack", fmt::format("'{}' is more than half of --max-send-lag-p99, so "
                                              "that the run may not be valid",
                                              texts.send_slack));
  } else if (precision.slack_ns > os::ns_per_s) {
    reader.report("--send-slack", fmt::format("'{}' is not from 0 to 1 s", texts.send_slack));
  }
  return precision;
}

}  // namespace c1m::loadgen
