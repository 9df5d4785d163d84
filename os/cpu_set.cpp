// CPU lists and affinity; see cpu_set.hpp. The dynamic cpu_set_t covers machines of up to 8192
// CPUs.
#include "os/cpu_set.hpp"

#include <sched.h>

#include <algorithm>
#include <charconv>
#include <memory>

namespace c1m::os {
namespace {

constexpr int cpu_count_max = 8192;

struct FreeCpuSet {
  void operator()(cpu_set_t* set) const { CPU_FREE(set); }
};
using KernelSet = std::unique_ptr<cpu_set_t, FreeCpuSet>;

const std::size_t kernel_set_bytes = CPU_ALLOC_SIZE(cpu_count_max);

KernelSet empty_kernel_set() {
  KernelSet set(CPU_ALLOC(cpu_count_max));
  if (set) CPU_ZERO_S(kernel_set_bytes, set.get());
  return set;
}

std::optional<int> parse_number(std::string_view text) {
  int value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  if (value < 0 || value >= cpu_count_max) return std::nullopt;
  return value;
}

bool append_range(std::string_view part, CpuSet& cpus) {
  const std::size_t dash = part.find('-');
  const auto first = parse_number(part.substr(0, dash));
  const auto last = dash == std::string_view::npos ? first : parse_number(part.substr(dash + 1));
  if (!first || !last || *first > *last) return false;
  for (int cpu = *first; cpu <= *last; ++cpu) cpus.push_back(cpu);
  return true;
}

}  // namespace

std::optional<CpuSet> parse_cpu_list(std::string_view text) {
  CpuSet cpus;
  while (true) {
    const std::size_t comma = text.find(',');
    if (!append_range(text.substr(0, comma), cpus)) return std::nullopt;
    if (comma == std::string_view::npos) break;
    text.remove_prefix(comma + 1);
  }
  std::ranges::sort(cpus);
  const auto duplicates = std::ranges::unique(cpus);
  cpus.erase(duplicates.begin(), duplicates.end());
  return cpus;
}

std::string format_cpu_list(const CpuSet& cpus) {
  std::string text;
  for (std::size_t first = 0; first < cpus.size();) {
    std::size_t last = first;
    while (last + 1 < cpus.size() && cpus[last + 1] == cpus[last] + 1) ++last;
    if (!text.empty()) text += ',';
    text += std::to_string(cpus[first]);
    if (last > first) text += '-' + std::to_string(cpus[last]);
    first = last + 1;
  }
  return text;
}

Result<CpuSet> allowed_cpus() {
  const KernelSet set = empty_kernel_set();
  if (!set) return fail(ENOMEM, "CPU_ALLOC");
  if (::sched_getaffinity(0, kernel_set_bytes, set.get()) != 0) {
    return last_error("sched_getaffinity");
  }
  CpuSet cpus;
  for (int cpu = 0; cpu < cpu_count_max; ++cpu) {
    if (CPU_ISSET_S(static_cast<std::size_t>(cpu), kernel_set_bytes, set.get())) {
      cpus.push_back(cpu);
    }
  }
  return cpus;
}

Result<void> bind_to(const CpuSet& cpus) {
  const KernelSet set = empty_kernel_set();
  if (!set) return fail(ENOMEM, "CPU_ALLOC");
  for (const int cpu : cpus) {
    CPU_SET_S(static_cast<std::size_t>(cpu), kernel_set_bytes, set.get());
  }
  if (::sched_setaffinity(0, kernel_set_bytes, set.get()) != 0) {
    return last_error("sched_setaffinity");
  }
  return {};
}

}  // namespace c1m::os
