// The command line of c1m-load. Every mistake gives one sentence that names the flag, the value and
// what is allowed. Threads: none. Not here: limits of the machine (load_limits).
#pragma once

#include <expected>
#include <string>

#include "loadgen/load_settings.hpp"

namespace c1m::loadgen {

// Why there is nothing to run.
struct NothingToRun {
  std::string text;  // help, version, or the mistake
  bool is_mistake = false;
};

// Resolves host names on the way, so that it may block.
[[nodiscard]] std::expected<LoadSettings, NothingToRun> parse_load_flags(
    int argument_count, const char* const* arguments);

}  // namespace c1m::loadgen
