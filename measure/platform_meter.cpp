// Sleeping, and reading the kernel's counters; see platform_meter.hpp.
#include "measure/platform_meter.hpp"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <functional>
#include <system_error>

#include "measure/kernel_counters.hpp"
#include "os/file.hpp"
#include "os/thread.hpp"

namespace c1m::measure {
namespace {

constexpr os::Nanoseconds look_ns = 100 * os::ns_per_ms;

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  while (!line.empty()) {
    const std::size_t end = std::min(line.find(' '), line.size());
    if (end > 0) words.push_back(line.substr(0, end));
    line.remove_prefix(std::min(end + 1, line.size()));
  }
  return words;
}

std::optional<std::uint64_t> to_number(std::string_view word) {
  std::uint64_t number = 0;
  const auto [end, code] = std::from_chars(word.data(), word.data() + word.size(), number);
  if (code != std::errc{} || end != word.data() + word.size()) return std::nullopt;
  return number;
}

// The line that begins with this word and a space.
std::optional<std::vector<std::string_view>> line_of(std::string_view text,
                                                     std::string_view first_word) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    auto words = words_of(text.substr(0, end));
    if (!words.empty() && words[0] == first_word) return words;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::uint64_t> parse_steal_ticks(std::string_view text, const os::CpuSet& cpus) {
  // cpuN user nice system idle iowait irq softirq steal
  constexpr std::size_t steal_column = 8;
  std::uint64_t sum = 0;
  for (const int cpu : cpus) {
    const auto words = line_of(text, "cpu" + std::to_string(cpu));
    if (!words || words->size() <= steal_column) return std::nullopt;
    const auto ticks = to_number((*words)[steal_column]);
    if (!ticks) return std::nullopt;
    sum += *ticks;
  }
  return sum;
}

std::optional<std::uint64_t> parse_pressure_us(std::string_view text) {
  constexpr std::string_view total = "total=";
  const auto words = line_of(text, "some");
  if (!words) return std::nullopt;
  for (const std::string_view word : *words) {
    if (word.starts_with(total)) return to_number(word.substr(total.size()));
  }
  return std::nullopt;
}

LostTimes read_lost_times(const os::CpuSet& cpus) {
  static const os::Nanoseconds tick_ns = os::ns_per_s / ::sysconf(_SC_CLK_TCK);
  LostTimes times;
  const auto put = [&times](
                       std::size_t kind, const std::string& path,
                       std::optional<std::uint64_t> (*parse)(std::string_view, const os::CpuSet&),
                       const os::CpuSet& of, os::Nanoseconds unit_ns) {
    const auto text = os::read_file(path);
    const auto count = text ? parse(*text, of) : std::nullopt;
    if (count) {
      times.lost_ns[kind] = static_cast<os::Nanoseconds>(*count) * unit_ns;
    } else {
      times.unavailable[platform_kinds[kind]] =
          text ? path + " does not say it" : path + ": " + os::describe(text.error());
    }
  };
  const auto pressure = [](std::string_view text, const os::CpuSet&) {
    return parse_pressure_us(text);
  };
  put(0, "/proc/stat", parse_steal_ticks, cpus, tick_ns);
  if (const auto throttled_us = read_throttled_us()) {
    times.lost_ns[1] = static_cast<os::Nanoseconds>(*throttled_us) * os::ns_per_us;
  } else {
    times.unavailable[platform_kinds[1]] = throttled_is_not_counted;
  }
  put(2, "/proc/pressure/cpu", pressure, {}, os::ns_per_us);
  put(3, "/proc/pressure/memory", pressure, {}, os::ns_per_us);
  put(4, "/proc/pressure/io", pressure, {}, os::ns_per_us);
  return times;
}

PlatformMeter::PlatformMeter(const os::CpuSet& cpus, os::Nanoseconds tick_ns)
    : cpus_(cpus), tick_ns_(tick_ns) {
  for (const int cpu : cpus) {
    sleepers_.push_back(std::make_unique<Sleeper>());
    sleepers_.back()->cpu = cpu;
  }
}

os::Result<std::unique_ptr<PlatformMeter>> PlatformMeter::start(const os::CpuSet& cpus,
                                                                os::Nanoseconds tick_ns) {
  std::unique_ptr<PlatformMeter> meter(new PlatformMeter(cpus, tick_ns));
  try {
    for (const auto& sleeper : meter->sleepers_) {
      meter->threads_.emplace_back(
          [&meter = *meter, &sleeper = *sleeper](const std::stop_token& stop) {
            meter.sleep_on(sleeper, stop);
          });
    }
    meter->threads_.emplace_back(
        [&meter = *meter](const std::stop_token& stop) { meter.look_at_counters(stop); });
  } catch (const std::system_error& error) {
    return os::fail(error.code().value(), "pthread_create");
  }
  return meter;
}

PlatformMeter::~PlatformMeter() {
  for (std::jthread& thread : threads_) thread.request_stop();
}

void PlatformMeter::sleep_on(Sleeper& sleeper, const std::stop_token& stop) const {
  auto ready = os::bind_to({sleeper.cpu});
  if (ready) ready = os::set_timer_slack(1);
  if (!ready) {
    sleeper.unavailable = os::describe(ready.error());
    return;
  }
  LoopMeter meter(&sleeper.pauses, tick_ns_);
  while (!stop.stop_requested()) {
    meter.wait_begins();
    os::sleep_for(tick_ns_);
    meter.wait_ends();
  }
}

void PlatformMeter::look_at_counters(const std::stop_token& stop) {
  os::Nanoseconds before_ns = os::monotonic_ns();
  LostTimes before = read_lost_times(cpus_);
  unavailable_ = before.unavailable;
  while (!stop.stop_requested()) {
    os::sleep_for(look_ns);
    const os::Nanoseconds now_ns = os::monotonic_ns();
    LostTimes now = read_lost_times(cpus_);
    for (std::size_t kind = 0; kind < counters_.size(); ++kind) {
      if (!before.lost_ns[kind] || !now.lost_ns[kind]) continue;
      // The kernel's sums over CPUs may go back a little.
      const os::Nanoseconds lost_ns =
          std::max<os::Nanoseconds>(0, *now.lost_ns[kind] - *before.lost_ns[kind]);
      counters_[kind].lost_ns.record(lost_ns);
      if (lost_ns < tick_ns_) continue;
      counters_[kind].stalls.add({.begin_ns = before_ns,
                                  .end_ns = now_ns,
                                  .amount_ns = lost_ns,
                                  .has_usage = false,
                                  .usage = {}});
    }
    before = std::move(now);
    before_ns = now_ns;
  }
}

std::vector<PauseMeter> PlatformMeter::stop() {
  for (std::jthread& thread : threads_) thread.request_stop();
  threads_.clear();  // joins
  std::vector<PauseMeter> meters;
  for (const auto& sleeper : sleepers_) {
    PauseMeter meter = meter_of("hiccup", sleeper->pauses.stalls);
    meter.cpu = sleeper->cpu;
    if (sleeper->unavailable.empty()) {
      meter.histograms["delay_us"] = histogram_of(sleeper->pauses.delay_ns);
    } else {
      meter.unavailable["delay_us"] = sleeper->unavailable;
    }
    meters.push_back(std::move(meter));
  }
  for (std::size_t kind = 0; kind < counters_.size(); ++kind) {
    PauseMeter meter = meter_of(platform_kinds[kind], counters_[kind].stalls);
    const auto reason = unavailable_.find(platform_kinds[kind]);
    if (reason == unavailable_.end()) {
      meter.histograms["lost_us"] = histogram_of(counters_[kind].lost_ns);
    } else {
      meter.unavailable["lost_us"] = reason->second;
    }
    meters.push_back(std::move(meter));
  }
  return meters;
}

}  // namespace c1m::measure
