// Sets of CPUs: parsing "0-3,8", and binding the calling thread to one.
// Threads: values; bind_to() affects the calling thread and the threads and children it makes
// later.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "os/result.hpp"

namespace c1m::os {

// CPU numbers in ascending order, without duplicates.
using CpuSet = std::vector<int>;

// Parses the kernel's list format ("0-3,8"). Nothing on a syntax error, an empty list, or a CPU
// number above 8191.
std::optional<CpuSet> parse_cpu_list(std::string_view text);

// The same format, shortest form: "0-3,8".
std::string format_cpu_list(const CpuSet& cpus);

// The CPUs that the calling thread may run on.
[[nodiscard]] Result<CpuSet> allowed_cpus();

// Restricts the calling thread to `cpus`. EINVAL when none of them exists or is allowed.
[[nodiscard]] Result<void> bind_to(const CpuSet& cpus);

}  // namespace c1m::os
