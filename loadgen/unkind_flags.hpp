// The flags for clients that are no help to the server: some beside the load, which connect and say
// nothing or next to nothing, and connections of the load that end by a reset.
// Threads: one owner. Not here: what they do (unkind_group, churn).
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "loadgen/connection_flags.hpp"
#include "loadgen/flag_reader.hpp"
#include "loadgen/lifetime.hpp"
#include "os/clock.hpp"

namespace c1m::loadgen {

struct UnkindSettings {
  std::uint32_t half_open = 0;                      // beside the load, over all shards
  std::uint32_t slow = 0;                           // likewise
  os::Nanoseconds byte_interval_ns = os::ns_per_s;  // of each slow one

  // Connections beside those of the load.
  [[nodiscard]] std::uint64_t clients() const { return std::uint64_t{half_open} + slow; }
};

// As the user wrote them; empty where he did not.
struct UnkindTexts {
  std::string half_open;
  std::string slow;
  std::string reset;

  [[nodiscard]] bool has_clients() const { return !half_open.empty() || !slow.empty(); }
};

[[nodiscard]] std::array<ConnectionFlag, 3> unkind_flags(UnkindTexts& texts);

[[nodiscard]] UnkindSettings read_unkind(FlagReader& reader, const UnkindTexts& texts);

// Which share of the lives of `lifetime` ends by a reset, "10%".
[[nodiscard]] double read_reset(FlagReader& reader, const UnkindTexts& texts,
                                const Lifetime& lifetime);

}  // namespace c1m::loadgen
