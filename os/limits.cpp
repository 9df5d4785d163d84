// Reading and raising the limits of this process; see limits.hpp.
#include "os/limits.hpp"

#include <sys/resource.h>

#include <algorithm>

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

Result<std::uint32_t> shards_needed(std::uint64_t connections, std::uint64_t limit,
                                    std::uint64_t reserved) {
  if (limit <= reserved) return fail(EINVAL, "shards_needed");
  const std::uint64_t room = limit - reserved;
  return static_cast<std::uint32_t>(std::max<std::uint64_t>(1, (connections + room - 1) / room));
}

}  // namespace c1m::os
