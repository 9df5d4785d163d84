// OpenMetrics of a run; see load_metrics.hpp.
#include "loadgen/load_metrics.hpp"

#include <iterator>
#include <string_view>

#include <fmt/format.h>

#include "os/build_info.hpp"

namespace c1m::loadgen {
namespace {

using std::back_inserter;

struct Family {
  const char* name;
  const char* help;
};

void append_head(std::string& text, const Family& family, const char* type, const char* unit) {
  fmt::format_to(back_inserter(text), "# TYPE {} {}\n", family.name, type);
  if (unit != nullptr) fmt::format_to(back_inserter(text), "# UNIT {} {}\n", family.name, unit);
  fmt::format_to(back_inserter(text), "# HELP {} {}\n", family.name, family.help);
}

void append_counter(std::string& text, const Family& family, std::uint64_t value) {
  append_head(text, family, "counter", nullptr);
  fmt::format_to(back_inserter(text), "{}_total {}\n", family.name, value);
}

void append_gauge(std::string& text, const Family& family, std::uint64_t value) {
  append_head(text, family, "gauge", nullptr);
  fmt::format_to(back_inserter(text), "{} {}\n", family.name, value);
}

std::string seconds(std::uint64_t ns) {
  constexpr auto per_s = static_cast<std::uint64_t>(os::ns_per_s);
  return fmt::format("{}.{:09}", ns / per_s, ns % per_s);
}

void append_histogram(std::string& text, const Family& family, const measure::LiveCounts& counts) {
  append_head(text, family, "histogram", "seconds");
  constexpr std::size_t parts = std::size_t{1} << measure::LiveBuckets::parts_bits;
  std::uint64_t cumulative = 0;
  // The last bucket also has what is longer than its bound.
  for (std::size_t index = 0; index + 1 < measure::LiveBuckets::count; ++index) {
    cumulative += counts.counts[index];
    if (index % parts != 0) continue;
    const auto bound_ns = static_cast<std::uint64_t>(measure::LiveBuckets::bound_ns(index));
    fmt::format_to(back_inserter(text), "{}_bucket{{le=\"{}\"}} {}\n", family.name,
                   seconds(bound_ns), cumulative);
  }
  const std::uint64_t total = cumulative + counts.counts.back();
  fmt::format_to(back_inserter(text), "{0}_bucket{{le=\"+Inf\"}} {1}\n{0}_count {1}\n{0}_sum {2}\n",
                 family.name, total, seconds(counts.sum_ns));
}

void append_phase(std::string& text, std::string_view present) {
  constexpr Family family{"c1m_load_phase", "What the run is doing."};
  append_head(text, family, "stateset", nullptr);
  for (const char* phase : run_phases) {
    fmt::format_to(back_inserter(text), "{0}{{{0}=\"{1}\"}} {2}\n", family.name, phase,
                   present == phase ? 1 : 0);
  }
}

void append_clients_beside(std::string& text, const LiveFigures& figures) {
  constexpr Family family{"c1m_load_clients_beside",
                          "Clients beside the load that stand, of --half-open and --slow."};
  append_head(text, family, "gauge", nullptr);
  fmt::format_to(back_inserter(text), "{0}{{kind=\"half-open\"}} {1}\n{0}{{kind=\"slow\"}} {2}\n",
                 family.name, figures.half_open, figures.slow);
}

}  // namespace

std::string to_open_metrics(const LiveFigures& figures, LoadMode mode) {
  const os::BuildInfo build = os::build_info();
  std::string text;
  append_head(text, {"c1m_load_run", "Which load generator this is, and how it sends."}, "info",
              nullptr);
  fmt::format_to(back_inserter(text),
                 "c1m_load_run_info{{mode=\"{}\",version=\"{}\",commit=\"{}\",preset=\"{}\"}} 1\n",
                 name_of(mode), build.version, build.commit, build.preset);
  append_phase(text, figures.phase);
  append_gauge(text, {"c1m_load_shards", "Processes of the generator that live."}, figures.shards);
  append_gauge(text, {"c1m_load_connections_planned", "Connections asked for."},
               figures.connections_planned);
  append_gauge(text, {"c1m_load_connections_established", "Connections that stand."},
               figures.established);
  append_counter(text, {"c1m_load_connections_reopened", "Connections that began another life."},
                 figures.reopened);
  append_counter(text, {"c1m_load_connections_reset", "Lives that ended by --reset."},
                 figures.reset);
  append_clients_beside(text, figures);
  append_gauge(text, {"c1m_load_requests_outstanding", "Requests queued or in flight."},
               figures.outstanding);
  append_counter(text, {"c1m_load_requests_sent", "Requests sent."}, figures.sent);
  append_counter(text, {"c1m_load_requests_answered", "Requests answered, right or wrong."},
                 figures.answered);
  append_counter(text, {"c1m_load_requests_failed", "Requests unsent, lost, corrupt or late."},
                 figures.errors);
  if (mode == LoadMode::open) {
    append_histogram(text, {"c1m_load_response_seconds", "From the intended send to the answer."},
                     figures.latency);
    append_histogram(text, {"c1m_load_send_lag_seconds", "From the intended to the actual send."},
                     figures.send_lag);
  } else {
    append_histogram(text, {"c1m_load_service_seconds", "From the actual send to the answer."},
                     figures.latency);
  }
  return text += "# EOF\n";
}

}  // namespace c1m::loadgen
