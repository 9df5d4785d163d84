// The flags that say where the generator runs and from which addresses it connects.
// Threads: one owner. Not here: what a shard gets of both (shard_terms, source_addresses).
#pragma once

#include <string>
#include <vector>

#include "loadgen/flag_reader.hpp"
#include "loadgen/load_settings.hpp"

namespace c1m::loadgen {

// Empty: all. Mistakes go to the reader.
[[nodiscard]] std::optional<os::CpuSet> read_cpus(FlagReader& reader, const std::string& text);
// "auto": nothing. `targets` decide which addresses can reach them.
[[nodiscard]] std::vector<AddressRange> read_sources(FlagReader& reader, const std::string& text,
                                                     const std::vector<os::Endpoint>& targets);

}  // namespace c1m::loadgen
