// Parsing and reading /proc and the control groups; see kernel_counters.hpp.
#include "measure/kernel_counters.hpp"

#include <charconv>
#include <limits>

#include "os/file.hpp"

namespace c1m::measure {
namespace {

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(separator), text.size());
    if (end > 0) parts.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

std::vector<std::string_view> lines_of(std::string_view text) {
  return split(text, '\n');
}
std::vector<std::string_view> words_of(std::string_view text) {
  return split(text, ' ');
}

std::optional<std::uint64_t> to_number(std::string_view word, int radix = 10) {
  std::uint64_t number = 0;
  const auto [end, code] = std::from_chars(word.data(), word.data() + word.size(), number, radix);
  if (code != std::errc{} || end != word.data() + word.size()) return std::nullopt;
  return number;
}

std::optional<std::size_t> column_of(const std::vector<std::string_view>& names,
                                     std::string_view name) {
  for (std::size_t column = 0; column < names.size(); ++column) {
    if (names[column] == name) return column;
  }
  return std::nullopt;
}

// Reads `path` and applies `parse`; says in `unavailable` under `name` why there is no value.
template <class Parse>
auto read_counter(KernelCounters& counters, const char* name, const std::string& path, Parse parse)
    -> decltype(parse(std::string_view())) {
  const auto text = os::read_file(path);
  if (!text) {
    counters.unavailable[name] = path + ": " + os::describe(text.error());
    return std::nullopt;
  }
  auto value = parse(*text);
  if (!value) counters.unavailable[name] = path + " does not say it";
  return value;
}

// The two clocks cannot be read at once: of a few tries, the one that took least counts, so that
// being preempted in between does not look like a step of the clock.
os::Nanoseconds read_realtime_offset_ns() {
  constexpr int tries = 8;
  os::Nanoseconds best_ns = 0;
  os::Nanoseconds shortest_ns = std::numeric_limits<os::Nanoseconds>::max();
  for (int attempt = 0; attempt < tries; ++attempt) {
    const os::Nanoseconds before_ns = os::monotonic_ns();
    const os::Nanoseconds realtime_ns = os::realtime_ns();
    const os::Nanoseconds took_ns = os::monotonic_ns() - before_ns;
    if (took_ns >= shortest_ns) continue;
    shortest_ns = took_ns;
    best_ns = realtime_ns - before_ns - took_ns / 2;
  }
  return best_ns;
}

}  // namespace

std::optional<std::uint64_t> parse_net_field(std::string_view text, std::string_view table,
                                             std::string_view field) {
  const std::string prefix = std::string(table) + ":";
  std::optional<std::size_t> column;
  for (const std::string_view line : lines_of(text)) {
    const auto words = words_of(line);
    if (words.empty() || words[0] != prefix) continue;
    if (column) return *column < words.size() ? to_number(words[*column]) : std::nullopt;
    column = column_of(words, field);
    if (!column) return std::nullopt;
  }
  return std::nullopt;
}

std::optional<std::uint64_t> parse_softnet_drops(std::string_view text) {
  std::optional<std::uint64_t> sum;
  for (const std::string_view line : lines_of(text)) {
    const auto words = words_of(line);
    const auto drops = words.size() > 1 ? to_number(words[1], 16) : std::nullopt;
    if (!drops) return std::nullopt;
    sum = sum.value_or(0) + *drops;
  }
  return sum;
}

std::optional<std::uint64_t> parse_conntrack_drops(std::string_view text) {
  const auto lines = lines_of(text);
  if (lines.size() < 2) return std::nullopt;
  const auto names = words_of(lines[0]);
  std::uint64_t sum = 0;
  for (const char* name : {"drop", "early_drop", "insert_failed"}) {
    const auto column = column_of(names, name);
    if (!column) return std::nullopt;
    for (std::size_t row = 1; row < lines.size(); ++row) {
      const auto words = words_of(lines[row]);
      const auto count = *column < words.size() ? to_number(words[*column], 16) : std::nullopt;
      if (!count) return std::nullopt;
      sum += *count;
    }
  }
  return sum;
}

std::optional<MachineTicks> parse_machine_ticks(std::string_view text) {
  const auto lines = lines_of(text);
  if (lines.empty()) return std::nullopt;
  const auto words = words_of(lines[0]);
  // user nice system idle iowait irq softirq steal; guest time, which follows, is part of user.
  constexpr std::size_t fields = 8;
  if (words.size() <= fields || words[0] != "cpu") return std::nullopt;
  MachineTicks ticks;
  for (std::size_t field = 1; field <= fields; ++field) {
    const auto count = to_number(words[field]);
    if (!count) return std::nullopt;
    ticks.total += *count;
    if (field == fields) ticks.steal = *count;
  }
  return ticks;
}

std::optional<std::uint64_t> parse_throttled_us(std::string_view text) {
  for (const std::string_view line : lines_of(text)) {
    const auto words = words_of(line);
    if (words.size() != 2) continue;
    const auto value = to_number(words[1]);
    if (words[0] == "throttled_usec") return value;
    if (words[0] == "throttled_time" && value) return *value / os::ns_per_us;
  }
  return std::nullopt;
}

std::vector<std::string> cpu_stat_paths(std::string_view cgroup_text) {
  std::vector<std::string> paths;
  for (const std::string_view line : lines_of(cgroup_text)) {
    // hierarchy:controllers:path; version 2 has no controllers.
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (first == std::string_view::npos || second == std::string_view::npos) continue;
    const auto controllers = line.substr(first + 1, second - first - 1);
    const bool is_v2 = controllers.empty();
    if (!is_v2 && !column_of(split(controllers, ','), "cpu")) continue;
    const std::string mount = is_v2 ? "/sys/fs/cgroup" : "/sys/fs/cgroup/cpu";
    std::string group(line.substr(second + 1));
    if (group == "/") group.clear();
    while (true) {
      paths.push_back(mount + group + "/cpu.stat");
      if (group.empty()) break;
      group.erase(group.rfind('/'));
    }
  }
  return paths;
}

std::optional<std::uint64_t> read_throttled_us() {
  const auto cgroup = os::read_file("/proc/self/cgroup");
  std::optional<std::uint64_t> sum_us;
  for (const std::string& path : cpu_stat_paths(cgroup.value_or(""))) {
    const auto text = os::read_file(path);
    const auto throttled_us = text ? parse_throttled_us(*text) : std::nullopt;
    if (throttled_us) sum_us = sum_us.value_or(0) + *throttled_us;
  }
  return sum_us;
}

KernelCounters read_kernel_counters() {
  KernelCounters counters;
  const auto net_field = [&](const char* name, const char* path, const char* table,
                             const char* field) {
    return read_counter(counters, name, path,
                        [&](std::string_view text) { return parse_net_field(text, table, field); });
  };
  const char* netstat = "/proc/net/netstat";
  counters.listen_overflows = net_field("listen_overflows", netstat, "TcpExt", "ListenOverflows");
  counters.listen_drops = net_field("listen_drops", netstat, "TcpExt", "ListenDrops");
  counters.syn_cookies_sent = net_field("syn_cookies_sent", netstat, "TcpExt", "SyncookiesSent");
  counters.syn_queue_drops = net_field("syn_queue_drops", netstat, "TcpExt", "TCPReqQFullDrop");
  counters.syn_retransmits = net_field("syn_retransmits", netstat, "TcpExt", "TCPSynRetrans");
  counters.tcp_retransmits = net_field("tcp_retransmits", "/proc/net/snmp", "Tcp", "RetransSegs");
  counters.softnet_drops =
      read_counter(counters, "softnet_drops", "/proc/net/softnet_stat", parse_softnet_drops);
  counters.conntrack_drops = read_counter(counters, "conntrack_drops",
                                          "/proc/net/stat/nf_conntrack", parse_conntrack_drops);
  counters.machine_ticks =
      read_counter(counters, "steal_fraction", "/proc/stat", parse_machine_ticks);
  counters.throttled_us = read_throttled_us();
  if (!counters.throttled_us) counters.unavailable["throttled_us"] = throttled_is_not_counted;
  counters.realtime_offset_ns = read_realtime_offset_ns();
  return counters;
}

}  // namespace c1m::measure
