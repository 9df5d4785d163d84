// Lines such as "VmRSS:     4832 kB"; see process_memory.hpp.
#include "measure/process_memory.hpp"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <string>
#include <system_error>

#include "os/file.hpp"

namespace c1m::measure {
namespace {

// `name` with its colon, as it stands at the start of its line.
std::optional<std::uint64_t> bytes_of(std::string_view status, std::string_view name) {
  const std::string at_start = "\n" + std::string(name);
  const std::size_t found = status.find(at_start);
  if (found == std::string_view::npos) return std::nullopt;
  std::string_view rest = status.substr(found + at_start.size());
  rest.remove_prefix(std::min(rest.find_first_not_of(" \t"), rest.size()));
  std::uint64_t kib = 0;
  const auto [end, code] = std::from_chars(rest.data(), rest.data() + rest.size(), kib);
  if (code != std::errc()) return std::nullopt;
  rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
  if (!rest.starts_with(" kB")) return std::nullopt;
  return kib * 1024;
}

}  // namespace

ProcessMemory parse_process_memory(std::string_view status) {
  return {.rss_bytes = bytes_of(status, "VmRSS:"), .page_table_bytes = bytes_of(status, "VmPTE:")};
}

ProcessMemory read_process_memory() {
  const auto status = os::read_file("/proc/self/status");
  return status ? parse_process_memory(*status) : ProcessMemory{};
}

}  // namespace c1m::measure
