// Floor, echo and search; see calibration.hpp.
#include "loadgen/calibration.hpp"

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "loadgen/generator_floor.hpp"
#include "loadgen/search_run.hpp"
#include "loadgen/trivial_echo.hpp"
#include "os/build_info.hpp"

namespace c1m::loadgen {
namespace {

constexpr std::uint32_t floor_exchanges = 10'000;

// The allowed CPUs that the generator leaves free.
os::CpuSet free_cpus(const os::CpuSet& allowed, const os::CpuSet& generator) {
  os::CpuSet free;
  std::ranges::set_difference(allowed, generator, std::back_inserter(free));
  return free;
}

std::string figure(const std::optional<double>& value) {
  return value ? fmt::format("{:.6g}", *value) : "none";
}

}  // namespace

os::Result<CalibrationOutcome> calibrate(LoadSettings settings, std::uint32_t shards) {
  const auto allowed = os::allowed_cpus();
  if (!allowed) return std::unexpected(allowed.error());
  // As many CPUs as there are shards, if that leaves one for the echo.
  if (!settings.cpus) {
    const std::size_t most = std::max<std::size_t>(1, allowed->size() - 1);
    const auto count = std::min<std::size_t>(shards, most);
    settings.cpus = os::CpuSet(allowed->begin(), allowed->begin() + static_cast<long>(count));
  }
  const os::CpuSet free = free_cpus(*allowed, *settings.cpus);
  CalibrationOutcome result;
  result.document.shares_cpus = free.empty();
  const os::CpuSet echo_cpus = free.empty() ? *settings.cpus : free;
  result.document.echo_cpus = os::format_cpu_list(echo_cpus);
  const auto echo = TrivialEcho::start(echo_cpus);
  if (!echo) return std::unexpected(echo.error());
  if (auto bound = os::bind_to(*settings.cpus); !bound) return std::unexpected(bound.error());
  auto floor = measure_floor(settings.message_bytes, floor_exchanges);
  if (!floor) return std::unexpected(floor.error());
  result.document.floor = *std::move(floor);
  settings.targets = {echo->endpoint()};
  settings.target_names = {echo->endpoint().to_string()};
  auto search = run_search(settings, shards, {});
  if (!search) return std::unexpected(search.error());
  result.document.search = std::move(search->document);
  result.signal_number = search->signal_number;
  result.failures = std::move(search->failures);
  return result;
}

std::string format_calibration(const measure::CalibrationDocument& document) {
  const measure::SearchDocument& search = document.search;
  const auto us = [&](double percentile) {
    return static_cast<double>(document.floor.round_trip_ns.value_at_percentile(percentile)) /
           static_cast<double>(os::ns_per_us);
  };
  std::string text = fmt::format(
      "c1m-load {}: what the generator can do here\n"
      "  floor          p50 {:.1f} us, p99 {:.1f} us ({} bytes)\n"
      "  punctual rate  {} requests/s passed every check, {} did not; confidence {:.1f} %, {} "
      "steps\n",
      os::build_info().version, us(50), us(99), document.floor.message_bytes,
      figure(search.held_rps), figure(search.failed_rps), search.confidence * 100,
      search.steps.size());
  if (search.held_run) {
    text += fmt::format("  at that rate   {} us of CPU a request, {:.0f} % of a CPU\n",
                        figure(search.held_run->cpu_us_per_request()),
                        search.held_run->cpu_utilization_max() * 100);
  }
  if (document.shares_cpus) {
    text += "  generator and echo shared their CPUs: the rate is that of the pair\n";
  }
  return text;
}

std::string default_calibration_path() {
  // Read before any thread or child is there.
  const char* cache = std::getenv("XDG_CACHE_HOME");  // NOLINT(concurrency-mt-unsafe)
  if (cache != nullptr && *cache == '/') return std::string(cache) + "/c1m/calibration.json";
  const char* home = std::getenv("HOME");  // NOLINT(concurrency-mt-unsafe)
  if (home == nullptr || *home == '\0') return {};
  return std::string(home) + "/.cache/c1m/calibration.json";
}

}  // namespace c1m::loadgen
