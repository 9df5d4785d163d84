// Text of a result; see load_report.hpp.
#include "loadgen/load_report.hpp"

#include <algorithm>
#include <array>
#include <variant>

#include <fmt/format.h>

#include "os/build_info.hpp"

namespace c1m::loadgen {
namespace {

using measure::Histogram;
using measure::LoadDocument;

struct TextOfSetting {
  std::string operator()(std::monostate) const { return "none"; }
  std::string operator()(const std::vector<std::string>& parts) const {
    return fmt::format("{}", fmt::join(parts, ","));
  }
  std::string operator()(double value) const { return fmt::format("{:.6g}", value); }
  template <class T>
  std::string operator()(const T& value) const {
    return fmt::format("{}", value);
  }
};

std::string setting(const LoadDocument& document, const char* name) {
  for (const auto& [known, value] : document.settings) {
    if (known == name) return std::visit(TextOfSetting{}, value);
  }
  return "unknown";
}

// "64 bytes", or "16 to 300 bytes of text in frames of at most 7 bytes".
std::string messages(const LoadDocument& document) {
  const std::string least = setting(document, "message_bytes_min");
  const std::string most = setting(document, "message_bytes");
  const bool is_drawn = least != most && least != "unknown";
  std::string text = is_drawn ? least + " to " + most : most;
  text += " bytes";
  if (!document.websocket) return text;
  text += " of " + setting(document, "ws_opcode");
  const std::string fragment = setting(document, "ws_fragment_bytes");
  if (fragment != "0") text += " in frames of at most " + fragment + " bytes";
  return text;
}

std::string headline(const LoadDocument& document) {
  const auto value = [&](const char* name) { return setting(document, name); };
  std::string text = fmt::format("c1m-load {}: {} to {}\n", os::build_info().version,
                                 document.protocol, value("targets"));
  if (document.mode == "open") {
    text += fmt::format("  open loop: {} requests/s ({}), {} arrivals, connections {}, seed {}",
                        value("rate_rps"), value("rate_pattern"), value("arrival"),
                        value("connection_choice"), value("seed"));
  } else if (document.mode == "closed") {
    text += "  closed loop: this is capacity, not latency under a load; use -R for latency";
  } else {
    text += "  idle: connections are held, then each is proved alive by one exchange";
  }
  return text +
         fmt::format("\n  {} connections, {}, {} shards; window {:.1f} s after {} s of warm-up\n",
                     value("connections"), messages(document), value("shards"),
                     document.window.duration_s(), value("warmup_s"));
}

std::string figure(const std::optional<Histogram>& histogram, double percentile) {
  if (!histogram || histogram->empty()) return "-";
  const auto value_ns = static_cast<double>(histogram->value_at_percentile(percentile));
  return fmt::format("{:.1f}", value_ns / static_cast<double>(os::ns_per_us));
}

std::string mean_figure(const std::optional<Histogram>& histogram) {
  if (!histogram || histogram->empty()) return "-";
  return fmt::format("{:.1f}", histogram->mean() / static_cast<double>(os::ns_per_us));
}

std::string latency_table(const LoadDocument& document) {
  const std::optional<Histogram> service_ns = document.service_ns;
  const auto row = [](const char* name, const std::string& response, const std::string& service,
                      const std::string& send_lag) {
    return fmt::format("  {:<14}{:>12}{:>12}{:>12}\n", name, response, service, send_lag);
  };
  struct Row {
    const char* name;
    double percentile;
  };
  constexpr std::array rows{Row{"p50", 50},       Row{"p75", 75},         Row{"p90", 90},
                            Row{"p95", 95},       Row{"p99", 99},         Row{"p99.9", 99.9},
                            Row{"p99.99", 99.99}, Row{"p99.999", 99.999}, Row{"max", 100}};
  std::string text = row("latency (us)", "response", "service", "send lag");
  text += row("mean", mean_figure(document.response_ns), mean_figure(service_ns),
              mean_figure(document.send_lag_ns));
  for (const Row& at : rows) {
    text += row(at.name, figure(document.response_ns, at.percentile),
                figure(service_ns, at.percentile), figure(document.send_lag_ns, at.percentile));
  }
  if (document.network_ns && document.receive_delay_ns) {
    text += fmt::format(
        "  of service, by kernel timestamps: network and server p50 {} p99 {}, then until read p50 "
        "{} "
        "p99 {}\n",
        figure(document.network_ns, 50), figure(document.network_ns, 99),
        figure(document.receive_delay_ns, 50), figure(document.receive_delay_ns, 99));
  }
  return text;
}

std::string traffic_lines(const LoadDocument& document) {
  const auto& counts = document.counts;
  std::string text = fmt::format(
      "  connections   {} planned, {} established, {} at the end\n"
      "  requests      {} planned = {} sent + {} unsent; sent = {} answered + {} lost + {} in "
      "flight\n"
      "  answers       {} corrupt, {} late, {} bytes unexpected\n",
      document.connections_planned, document.connections_established, document.connections_at_end,
      counts.planned, counts.sent, counts.unsent, counts.answered, counts.lost,
      counts.in_flight_at_end, counts.corrupt, counts.late, document.unexpected_bytes);
  if (counts.timed_out > 0) {
    text += fmt::format(
        "  timed out     {} of those in flight had waited for the timeout; they count below at the "
        "time waited\n",
        counts.timed_out);
  }
  if (document.mode != "idle") {
    text += fmt::format("  rate          {:.1f} answers/s", document.rate_achieved_rps);
    if (document.rate_planned_rps) {
      text += fmt::format(" of {:.1f} planned", *document.rate_planned_rps);
    }
    text += fmt::format(", {:.2f} in flight on average\n", document.in_flight_mean);
  }
  for (const auto& [name, count] : document.connect.errors) {
    text += fmt::format("  connect error {}: {}\n", name, count);
  }
  for (const auto& [name, count] : document.connection_errors) {
    text += fmt::format("  closed early  {}: {}\n", name, count);
  }
  return text;
}

// Nothing where none was offered.
std::string compression_line(const measure::WebSocketResult& websocket) {
  const std::uint64_t offered = websocket.deflate_agreed + websocket.deflate_declined;
  if (offered == 0) return {};
  const auto share = [](std::uint64_t bytes, std::uint64_t message_bytes) {
    if (message_bytes == 0) return std::string("none");
    return fmt::format("{} of {} bytes ({:.1f} %)", bytes, message_bytes,
                       100 * static_cast<double>(bytes) / static_cast<double>(message_bytes));
  };
  return fmt::format(
      "  compression   on {} of {} connections; sent {}, received {}\n", websocket.deflate_agreed,
      offered, share(websocket.compressed_sent_bytes, websocket.compressed_sent_message_bytes),
      share(websocket.compressed_received_bytes, websocket.compressed_received_message_bytes));
}

std::string line(const char* name, const std::string& counts, const Histogram& histogram_ns) {
  const std::optional<Histogram> shown_ns = histogram_ns;
  return fmt::format("  {:<14}{}; p50 {} us, p99 {} us, max {} us\n", name, counts,
                     figure(shown_ns, 50), figure(shown_ns, 99), figure(shown_ns, 100));
}

// How the first connections came to be.
std::string connect_lines(const LoadDocument& document) {
  const measure::ConnectResult& connect = document.connect;
  const double duration_s =
      static_cast<double>(connect.last_ns - connect.first_ns) / static_cast<double>(os::ns_per_s);
  std::uint64_t most = 0;
  for (const auto& [number, interval] : document.connect_timeline) {
    most = std::max(most, interval.established);
  }
  if (connect.latency_ns.empty() || duration_s <= 0) return {};
  const double rate_per_s = static_cast<double>(connect.latency_ns.count()) / duration_s;
  std::string text =
      line("connecting", fmt::format("{:.0f} connects/s, at most {} in 100 ms", rate_per_s, most),
           connect.latency_ns);
  if (document.host.syn_retransmits.value_or(0) > 0) {
    text += fmt::format("  SYNs          {} sent again while connecting\n",
                        *document.host.syn_retransmits);
  }
  return text;
}

std::string wall_line(const LoadDocument& document) {
  if (!document.until_refused) return {};
  const auto& refusal = document.connect.first_refusal;
  if (!refusal) {
    return fmt::format("  wall          none: all {} connections were opened\n",
                       document.connections_planned);
  }
  return fmt::format("  wall          {} connections of at most {}, then {}: {}\n",
                     document.connections_established, document.connections_planned, refusal->call,
                     refusal->reason);
}

std::string churn_lines(const LoadDocument& document) {
  if (!document.churn) return {};
  const measure::ChurnResult& churn = *document.churn;
  std::string text = fmt::format("  lives         {} ended as planned ({}), {} ends skipped\n",
                                 churn.ends_planned - churn.ends_skipped,
                                 setting(document, "lifetime"), churn.ends_skipped);
  text += line("closed",
               fmt::format("{}, {} otherwise, {} not yet", churn.closed, churn.closes_failed,
                           churn.unclosed),
               churn.close_ns);
  if (churn.resets > 0) {
    text += fmt::format("  resets        {} of ours, in the middle of a request\n", churn.resets);
  }
  text += line("reopened",
               fmt::format("{}, {} failed, {} not yet", churn.reopened, churn.reopens_failed,
                           churn.unopened),
               churn.connect_ns);
  text += line("away", "from the planned end to standing again", churn.away_ns);
  for (const auto& [name, count] : churn.close_errors) {
    text += fmt::format("  close error   {}: {}\n", name, count);
  }
  for (const auto& [name, count] : churn.connect_errors) {
    text += fmt::format("  reopen error  {}: {}\n", name, count);
  }
  return text;
}

std::string unkind_line(const char* name, const std::optional<measure::UnkindResult>& clients,
                        const LoadDocument& document) {
  if (!clients) return {};
  const double duration_s = document.window.duration_s();
  std::string counts = fmt::format("{} asked, {:.1f} stood on average", clients->asked,
                                   duration_s > 0 ? clients->standing_client_s / duration_s : 0);
  if (clients->bytes_sent > 0) {
    counts += fmt::format(", {} bytes sent, {} answers", clients->bytes_sent, clients->answered);
  }
  counts += fmt::format(", {} ended by the server", clients->ended);
  std::string text = clients->ended > 0 ? line(name, counts + " after", clients->ended_after_ns)
                                        : fmt::format("  {:<14}{}\n", name, counts);
  for (const auto& [reason, count] : clients->end_errors) {
    text += fmt::format("  {:<14}ended by {}: {}\n", "", reason, count);
  }
  for (const auto& [reason, count] : clients->connect_errors) {
    text += fmt::format("  {:<14}connect error {}: {}\n", "", reason, count);
  }
  return text;
}

std::string websocket_lines(const LoadDocument& document) {
  if (!document.websocket) return {};
  const measure::WebSocketResult& websocket = *document.websocket;
  std::string text = line("handshakes", fmt::format("{} answered", websocket.handshake_ns.count()),
                          websocket.handshake_ns);
  if (websocket.pings_sent > 0) {
    text += line("pings",
                 fmt::format("{} sent, {} answered, {} skipped", websocket.pings_sent,
                             websocket.pongs_received, websocket.pings_skipped),
                 websocket.ping_rtt_ns);
  }
  return text +
         line("closes",
              fmt::format("{} sent, {} answered", websocket.closes_sent, websocket.closes_answered),
              websocket.close_ns) +
         compression_line(websocket);
}

std::string generator_line(const LoadDocument& document) {
  std::string text =
      fmt::format("  generator     {:.1f} % of a CPU in the busiest shard, {} bytes a connection",
                  document.cpu_utilization_max() * 100, document.connection_bytes);
  if (const auto cpu_us = document.cpu_us_per_request()) {
    text += fmt::format(", {:.2f} us of CPU a request", *cpu_us);
  }
  text += '\n';
  if (document.floor && !document.floor->round_trip_ns.empty()) {
    const std::optional<Histogram> floor_ns = document.floor->round_trip_ns;
    text += fmt::format(
        "  floor         p50 {} us, p99 {} us: the generator's path and the kernel alone ({} "
        "bytes)\n",
        figure(floor_ns, 50), figure(floor_ns, 99), document.floor->message_bytes);
  }
  return text;
}

std::string verdict(const LoadDocument& document) {
  const auto passed = std::ranges::count_if(
      document.checks, [](const measure::ValidityCheck& check) { return check.ok == true; });
  std::string skipped;
  for (const measure::ValidityCheck& check : document.checks) {
    if (!check.ok) skipped += (skipped.empty() ? "" : ", ") + check.name;
  }
  std::string text;
  if (document.stopped_by) text += fmt::format("  PARTIAL: stopped by {}\n", *document.stopped_by);
  if (!document.valid()) return text + format_failed_checks(document);
  text += fmt::format("  valid: {} checks passed", passed);
  if (!skipped.empty()) text += fmt::format("; not applicable or not possible: {}", skipped);
  return text + "\n";
}

}  // namespace

std::string format_report(const LoadDocument& document) {
  return headline(document) + "\n" + traffic_lines(document) + "\n" + latency_table(document) +
         connect_lines(document) + wall_line(document) + websocket_lines(document) +
         churn_lines(document) + unkind_line("half-open", document.half_open, document) +
         unkind_line("slow", document.slow, document) + "\n" + generator_line(document) +
         format_thresholds(document, ShownThresholds::all) + verdict(document);
}

std::string format_thresholds(const LoadDocument& document, ShownThresholds shown) {
  std::string text;
  for (const measure::ThresholdVerdict& verdict : document.thresholds) {
    if (verdict.ok && shown == ShownThresholds::only_crossed) continue;
    const std::string value =
        verdict.value ? fmt::format("{:.6g}", *verdict.value) : "not measured";
    text += fmt::format("  threshold     {}: {} {} (bound {} {:.6g}), {}\n", verdict.text, value,
                        verdict.value ? verdict.unit : "", verdict.comparison, verdict.bound,
                        verdict.ok ? "kept" : "CROSSED");
  }
  return text;
}

std::string format_failed_checks(const LoadDocument& document) {
  if (document.valid()) return {};
  std::string text = "  NOT VALID, do not compare these figures:\n";
  for (const measure::ValidityCheck& check : document.checks) {
    if (check.ok != false) continue;
    text +=
        fmt::format("    {} = {:.6g} {} (bound {:.6g}): {}\n", check.name, check.value.value_or(0),
                    check.unit, check.bound.value_or(0), check.explanation);
  }
  return text;
}

}  // namespace c1m::loadgen
