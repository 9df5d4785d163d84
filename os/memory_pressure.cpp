// Reading /proc and the control group's files; see memory_pressure.hpp.
#include "os/memory_pressure.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>

#include "os/address_space.hpp"
#include "os/file.hpp"

namespace c1m::os {
namespace {

// The number that follows `name` and blanks.
template <class Number>
std::optional<Number> number_after(std::string_view text, std::string_view name) {
  const std::size_t found = text.find(name);
  if (found == std::string_view::npos) return std::nullopt;
  text.remove_prefix(found + name.size());
  text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} ? std::optional(number) : std::nullopt;
}

// "some avg10=0.12 avg60=..."; a percentage. The line of "full" comes after it.
double stalled_share_in(const std::string& path) {
  const auto text = read_file(path);
  if (!text) return 0;
  constexpr double percent = 0.01;
  return number_after<double>(*text, "some avg10=").value_or(0) * percent;
}

double share(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 1 : std::min(1.0, static_cast<double>(part) / static_cast<double>(whole));
}

// The lower of memory.max and memory.high, above which the kernel slows the group down and
// reclaims; either may be "max", which is none.
std::optional<std::uint64_t> limit_of(const std::string& group) {
  const auto max = read_number(group + "/memory.max");
  const auto high = read_number(group + "/memory.high");
  if (max && high) return std::min(*max, *high);
  if (max) return *max;
  return high ? std::optional(*high) : std::nullopt;
}

// Of a group's limit; 1 when it has none. Pages of files, and the kernel's objects that say so, are
// given back when others are needed.
double available_share_in(const std::string& group) {
  const auto limit = limit_of(group);
  const auto used = read_number(group + "/memory.current");
  const auto statistics = read_file(group + "/memory.stat");
  if (!limit || !used || !statistics) return 1;
  std::uint64_t reclaimable = 0;
  for (const char* name : {"\ninactive_file ", "\nactive_file ", "\nslab_reclaimable "}) {
    reclaimable += number_after<std::uint64_t>(*statistics, name).value_or(0);
  }
  const std::uint64_t needed = *used > reclaimable ? *used - reclaimable : 0;
  return share(*limit > needed ? *limit - needed : 0, *limit);
}

// The process's group, as a path below the mount of the hierarchy; empty when it has none of
// version 2. "0::/system.slice/c1m.service"
std::optional<std::string> own_group(const std::string& root) {
  const auto text = read_file(root + "/proc/self/cgroup");
  if (!text) return std::nullopt;
  constexpr std::string_view version_2 = "0::";
  const std::size_t begin = text->starts_with(version_2) ? 0 : text->find("\n0::") + 1;
  if (begin == 0 && !text->starts_with(version_2)) return std::nullopt;
  const std::size_t path = begin + version_2.size();
  return text->substr(path, text->find('\n', path) - path);
}

}  // namespace

Result<MemoryPressure> memory_pressure(const std::string& root) {
  const auto machine = read_file(root + "/proc/meminfo");
  if (!machine) return std::unexpected(machine.error());
  const auto total = number_after<std::uint64_t>(*machine, "MemTotal:");
  const auto available = number_after<std::uint64_t>(*machine, "MemAvailable:");
  if (!total || !available) return fail(EINVAL, "/proc/meminfo (MemTotal, MemAvailable)");
  MemoryPressure pressure{.stalled_share = stalled_share_in(root + "/proc/pressure/memory"),
                          .available_share = share(*available, *total)};
  auto group = own_group(root);
  if (!group) return pressure;
  const std::string mount = root + "/sys/fs/cgroup";
  pressure.stalled_share =
      std::max(pressure.stalled_share, stalled_share_in(mount + *group + "/memory.pressure"));
  // Each group's limit binds those below it.
  for (;;) {
    pressure.available_share =
        std::min(pressure.available_share, available_share_in(mount + *group));
    const std::size_t parent = group->rfind('/');
    if (parent == std::string::npos) return pressure;
    group->resize(parent);
  }
}

Result<std::uint64_t> resident_bytes() {
  const auto text = read_file("/proc/self/statm");  // pages: "size resident shared ..."
  if (!text) return std::unexpected(text.error());
  const auto pages = number_after<std::uint64_t>(*text, " ");
  if (!pages) return fail(EINVAL, "/proc/self/statm");
  return *pages * page_bytes();
}

}  // namespace c1m::os
