// See pause_flags.hpp.
#include "loadgen/pause_flags.hpp"

#include <fmt/format.h>

namespace c1m::loadgen {

PauseSettings read_pauses(FlagReader& reader, const PauseTexts& texts) {
  PauseSettings settings;
  settings.path = texts.path;
  if (texts.threshold.empty()) return settings;
  if (texts.path.empty()) {
    reader.report("--pause-threshold", "has no meaning without --pauses");
    return settings;
  }
  settings.tick_ns = reader.duration("--pause-threshold", texts.threshold, os::ns_per_ms);
  if (settings.tick_ns > os::ns_per_s) {
    reader.report("--pause-threshold",
                  fmt::format("'{}' is out of range: 1 ms to 1 s", texts.threshold));
  }
  return settings;
}

}  // namespace c1m::loadgen
