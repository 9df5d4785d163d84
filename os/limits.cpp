// Reading and raising the limits of this process; see limits.hpp.
#include "os/limits.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <mutex>
#include <set>
#include <string>

#include "os/file.hpp"

namespace c1m::os {

Result<DescriptorLimit> descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return last_error("getrlimit");
  return DescriptorLimit{.soft = limit.rlim_cur, .hard = limit.rlim_max};
}

Result<std::uint64_t> raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return last_error("getrlimit");
  if (limit.rlim_cur == limit.rlim_max) return limit.rlim_cur;
  limit.rlim_cur = limit.rlim_max;
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) return last_error("setrlimit");
  return limit.rlim_cur;
}

Result<MappingLimit> mapping_limit() {
  const auto max = read_number("/proc/sys/vm/max_map_count");
  if (!max) return std::unexpected(max.error());
  const auto maps = read_file("/proc/self/maps");  // a line each
  if (!maps) return std::unexpected(maps.error());
  return MappingLimit{.max = *max,
                      .present = static_cast<std::uint64_t>(std::ranges::count(*maps, '\n'))};
}

const char* mappings_used_up(const MappingLimit& limit) {
  static std::mutex mutex;
  static std::set<std::string> texts;
  const std::lock_guard lock(mutex);
  return texts
      .insert("vm.max_map_count allows " + std::to_string(limit.max) + " mappings, of which " +
              std::to_string(limit.reserve()) +
              " are kept for other uses than guards of stacks; allow more: sysctl -w " +
              "vm.max_map_count=" + std::to_string(4 * limit.max))
      .first->c_str();
}

Result<std::uint32_t> shards_needed(std::uint64_t connections, std::uint64_t limit,
                                    std::uint64_t reserved) {
  if (limit <= reserved) return fail(EINVAL, "shards_needed");
  const std::uint64_t room = limit - reserved;
  return static_cast<std::uint32_t>(std::max<std::uint64_t>(1, (connections + room - 1) / room));
}

}  // namespace c1m::os
