// The limits of this process that c1m meets: descriptors, and the machine's thread and map counts.
// Threads: any. Not here: judging them against a plan (scripts' doctor does that).
#pragma once

#include <algorithm>
#include <cstdint>

#include "os/result.hpp"

namespace c1m::os {

struct DescriptorLimit {
  std::uint64_t soft;
  std::uint64_t hard;
};

[[nodiscard]] Result<DescriptorLimit> descriptor_limit();

// Raises the soft limit of RLIMIT_NOFILE to the hard one and returns the new soft limit.
[[nodiscard]] Result<std::uint64_t> raise_descriptor_limit();

// The fewest shards of one process each that can hold `connections`, when each process keeps
// `reserved` descriptors for itself. `limit` is the soft descriptor limit. At least 1.
// Returns EINVAL when the limit does not even cover the reserve.
[[nodiscard]] Result<std::uint32_t> shards_needed(std::uint64_t connections, std::uint64_t limit,
                                                  std::uint64_t reserved);

// Memory mappings of this process: how many vm.max_map_count allows, and how many there are.
struct MappingLimit {
  std::uint64_t max = 0;
  std::uint64_t present = 0;

  // For whoever else maps memory: threads' stacks, the allocator, libraries.
  [[nodiscard]] std::uint64_t reserve() const { return std::max<std::uint64_t>(512, max / 16); }
  // How many may still be spent.
  [[nodiscard]] std::uint64_t left() const {
    return max > present + reserve() ? max - present - reserve() : 0;
  }
};

// Looks at every mapping there is: some us for a hundred, tens of ms for tens of thousands.
[[nodiscard]] Result<MappingLimit> mapping_limit();
// The operation of an Error when nothing is left: names the limit, its value and the remedy. Lives
// for ever, as an Error's text must.
[[nodiscard]] const char* mappings_used_up(const MappingLimit& limit);

// Descriptors that a shard keeps for itself: standard streams, listener, epoll, eventfds, pipes.
inline constexpr std::uint64_t reserved_descriptors = 64;

}  // namespace c1m::os
