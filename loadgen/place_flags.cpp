// See place_flags.hpp.
#include "loadgen/place_flags.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "os/cpu_set.hpp"

namespace c1m::loadgen {

std::optional<os::CpuSet> read_cpus(FlagReader& reader, const std::string& text) {
  if (text.empty()) return std::nullopt;
  auto cpus = os::parse_cpu_list(text);
  const auto allowed = os::allowed_cpus();
  if (!cpus) {
    reader.report("--cpus", fmt::format("'{}' is not a list of CPUs such as 0-3,8", text));
  } else if (allowed && !std::ranges::includes(*allowed, *cpus)) {
    reader.report("--cpus", fmt::format("'{}' is not within the CPUs of this process, {}", text,
                                        os::format_cpu_list(*allowed)));
  }
  return cpus;
}

std::vector<AddressRange> read_sources(FlagReader& reader, const std::string& text,
                                       const std::vector<os::Endpoint>& targets) {
  if (text == "auto") return {};
  auto ranges = parse_address_ranges(text);
  const bool has_v6 = std::ranges::any_of(
      targets, [](const os::Endpoint& target) { return target.family() != AF_INET; });
  if (!ranges) {
    reader.report("--sources", ranges.error());
  } else if (has_v6) {
    reader.report("--sources", "are IPv4 addresses, but a target is IPv6");
  } else {
    return *std::move(ranges);
  }
  return {};
}

}  // namespace c1m::loadgen
