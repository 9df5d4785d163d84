// The document of the article's G-M-P demonstration (kind "c1m-article-r02"): what was counted and
// measured, beside what the article claims.
// Invariant: a figure that could not be read is null. Threads: pure functions.
#pragma once

#include <cstdint>
#include <string>

#include "measure/process_memory.hpp"

namespace c1m::measure {

struct GmpDocument {
  std::uint64_t coroutines = 0;  // started by the first one, which counts as one more
  unsigned processors = 0;
  std::uint64_t live_after_spawning = 0;
  std::uint64_t ended_by_then = 0;
  std::uint64_t live_at_end = 0;
  std::uint64_t stacks_reserved = 0;
  ProcessMemory memory_before;
  ProcessMemory memory_after_spawning;
  ProcessMemory memory_at_end;
};

// Without a newline.
[[nodiscard]] std::string to_json_line(const GmpDocument& document);

}  // namespace c1m::measure
