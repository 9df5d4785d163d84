// How much memory the calling process has in use at this moment, cheaply enough to ask right after
// a step. Threads: any. Not here: other processes and proportional shares (process_probe.hpp).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace c1m::measure {

// Present values; one that the kernel does not show is empty.
struct ProcessMemory {
  std::optional<std::uint64_t> rss_bytes;
  std::optional<std::uint64_t> page_table_bytes;  // not a part of rss_bytes
};

// From the text of /proc/PID/status (proc(5)).
[[nodiscard]] ProcessMemory parse_process_memory(std::string_view status);

// Both are empty when /proc cannot be read.
[[nodiscard]] ProcessMemory read_process_memory();

}  // namespace c1m::measure
