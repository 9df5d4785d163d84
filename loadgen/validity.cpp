// The checks one by one; see validity.hpp.
#include "loadgen/validity.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "loadgen/client_validity.hpp"
#include "loadgen/validity_check_forms.hpp"

namespace c1m::loadgen {
namespace {

using measure::LoadDocument;
using measure::RequestCounts;
using measure::ValidityCheck;

double to_us(double ns) {
  return ns / static_cast<double>(os::ns_per_us);
}
double to_s(double ns) {
  return ns / static_cast<double>(os::ns_per_s);
}

std::uint64_t imbalance(const RequestCounts& counts) {
  return distance(counts.planned, counts.sent + counts.unsent) +
         distance(counts.sent, counts.answered + counts.lost + counts.in_flight_at_end);
}

ValidityCheck something_measured(const LoadDocument& document) {
  const bool ok = document.counts.answered > 0;
  return {.name = "something_measured",
          .value = static_cast<double>(document.counts.answered),
          .bound = 1,
          .unit = "requests",
          .ok = ok,
          .explanation = ok ? "requests of the window were answered"
                            : "no request of the window was answered, so nothing was measured"};
}

ValidityCheck counts_add_up(const LoadDocument& document, const ValidityContext& context) {
  std::uint64_t error = imbalance(document.counts) + imbalance(document.warmup_counts);
  std::string explanation =
      "requests that planned = sent + unsent and sent = answered + lost + in flight leave over";
  if (context.mode == LoadMode::open && context.plan_count) {
    error += distance(*context.plan_count, document.counts.planned);
    explanation += fmt::format("; the plan has {} in the window, the shards planned {}",
                               *context.plan_count, document.counts.planned);
  }
  return none_of("counts_add_up", error, "requests", std::move(explanation));
}

ValidityCheck nothing_corrupt(const LoadDocument& document) {
  const std::uint64_t corrupt = document.counts.corrupt + document.warmup_counts.corrupt;
  return none_of("nothing_corrupt", corrupt + document.unexpected_bytes, "answers and bytes",
                 fmt::format("{} answers (warm-up included) had wrong bytes, and {} bytes arrived "
                             "that no request asked for",
                             corrupt, document.unexpected_bytes));
}

ValidityCheck nothing_late(const LoadDocument& document) {
  return none_of(
      "nothing_late", document.counts.late, "requests",
      fmt::format("{} requests were answered later than the timeout", document.counts.late));
}

ValidityCheck established(std::string name, std::uint64_t count, std::uint64_t planned,
                          const char* when) {
  return {
      .name = std::move(name),
      .value = static_cast<double>(count),
      .bound = static_cast<double>(planned),
      .unit = "connections",
      .ok = count == planned,
      .explanation = fmt::format("{} of {} connections were established {}", count, planned, when)};
}

// Of a ramp that goes on until it is refused nobody knows before how many there will be.
ValidityCheck established_at_start(const LoadDocument& document) {
  const char* name = "established_at_start";
  if (document.until_refused) {
    return not_applied(name, "connections", "with --until-refused as many are opened as can be");
  }
  return established(name, document.connections_established, document.connections_planned,
                     "at the start");
}

ValidityCheck established_at_end(const LoadDocument& document) {
  const std::uint64_t expected =
      document.until_refused ? document.connections_established : document.connections_planned;
  return established("established_at_end", document.connections_at_end, expected, "at the end");
}

ValidityCheck proven_alive(const LoadDocument& document) {
  const char* name = "proven_alive";
  if (!document.connections_proven) {
    return not_applied(name, "connections", "without --hold the connections are not tried first");
  }
  const std::uint64_t proven = *document.connections_proven;
  const std::uint64_t planned = document.connections_planned;
  return {.name = name,
          .value = static_cast<double>(proven),
          .bound = static_cast<double>(planned),
          .unit = "connections",
          .ok = proven == planned,
          .explanation = fmt::format("{} of {} connections answered an exchange before the warm-up",
                                     proven, planned)};
}

ValidityCheck send_lag(const LoadDocument& document, const ValidityContext& context) {
  const char* name = "send_lag_p99_us";
  if (!document.send_lag_ns) {
    return not_applied(name, "us", "only an open loop has intended times to lag behind");
  }
  if (document.send_lag_ns->empty()) return not_applied(name, "us", "nothing was sent");
  const double p99_us = to_us(static_cast<double>(document.send_lag_ns->value_at_percentile(99)));
  const double bound_us = to_us(static_cast<double>(context.bounds.send_lag_p99_max_ns));
  return at_most(
      name, p99_us, bound_us, "us",
      fmt::format("99 % of the requests left within {:.1f} us of their intended time", p99_us));
}

ValidityCheck generator_cpu(const LoadDocument& document, const ValidityContext& context) {
  const char* name = "generator_cpu";
  if (context.mode != LoadMode::open) {
    return not_applied(
        name, "CPUs",
        "outside an open loop the generator may use all of its CPU: it sets the pace");
  }
  const double busiest = document.cpu_utilization_max();
  return at_most(
      name, busiest, context.bounds.generator_cpu_max, "CPUs",
      fmt::format("the busiest shard of the generator used {:.1f} % of a CPU", busiest * 100));
}

// About sending: a slow target shows in the response times, a slow generator shows here.
ValidityCheck rate_achieved(const LoadDocument& document, const ValidityContext& context) {
  const char* name = "rate_achieved";
  if (context.mode != LoadMode::open) {
    return not_applied(name, "relative error", "only an open loop has a planned rate");
  }
  const auto planned = static_cast<double>(document.counts.planned);
  if (planned < 1) return not_applied(name, "relative error", "nothing was planned");
  const double sent = document.rate_sent_rps * document.window.duration_s();
  const double error = std::abs(sent - planned) / planned;
  // One request at the window's edge is no error in a short run.
  const double bound = std::max(context.bounds.rate_error_max, 1.5 / planned);
  return at_most(
      name, error, bound, "relative error",
      fmt::format("{:.0f} of {:.0f} planned requests left before the window's end", sent, planned));
}

// L = lambda * W: with all of the window's requests answered, the area under their number in flight
// is the sum of their times (Little 1961; exact for any arrivals over an interval that begins and
// ends empty). The left side comes from a counter and the clock, the right one from a histogram.
ValidityCheck littles_law(const LoadDocument& document, const ValidityContext& context) {
  const char* name = "littles_law";
  const char* unit = "relative error";
  if (context.mode == LoadMode::idle) {
    return not_applied(name, unit, "an idle run has no request in its window");
  }
  const bool is_open = context.mode == LoadMode::open;
  const double duration_s = document.window.duration_s();
  const measure::Histogram& latency_ns =
      is_open && document.response_ns ? *document.response_ns : document.service_ns;
  if (duration_s <= 0 || latency_ns.empty()) {
    return not_applied(name, unit, "no request of the window was answered");
  }
  const double rate = static_cast<double>(latency_ns.count()) / duration_s;
  const double expected = rate * to_s(latency_ns.mean());
  // With --pipeline so many are in the system at any time. What had to wait for a connection that
  // was being renewed is in no service time.
  const double in_flight =
      is_open ? document.in_flight_mean
              : static_cast<double>(document.connections_established) * context.pipeline -
                    document.queued_mean;
  const double error = std::abs(in_flight - expected);
  const double relative = error / std::max(in_flight, expected);
  const auto& bounds = context.bounds;
  auto check =
      at_most(name, relative, bounds.littles_law_error_max, unit,
              fmt::format("{} {:.3f} requests were in flight, and rate x mean {} = {:.3f} "
                          "(a difference up to {} in flight passes too)",
                          is_open ? "on average" : "with --pipeline on each connection", in_flight,
                          is_open ? "response" : "service", expected, bounds.littles_law_slack));
  check.ok = relative <= bounds.littles_law_error_max || error <= bounds.littles_law_slack;
  return check;
}

// The three handshakes of WebSocket: to open, to prove that the other end lives, to close.
void add_websocket_checks(const LoadDocument& document, std::vector<ValidityCheck>& checks) {
  if (!document.websocket) return;
  const measure::WebSocketResult& websocket = *document.websocket;
  const std::uint64_t opened = websocket.handshake_ns.count();
  const std::uint64_t asked =
      document.connections_planned + (document.churn ? document.churn->parted() : 0);
  if (document.until_refused) {
    checks.push_back(not_applied("handshakes_answered", "connections",
                                 "with --until-refused the one that was refused has none"));
  } else {
    checks.push_back(
        none_of("handshakes_answered", distance(opened, asked), "connections",
                fmt::format("{} of {} opening handshakes were answered with a key that is right",
                            opened, asked)));
  }
  checks.push_back(none_of("protocol_kept", websocket.protocol_errors, "connections",
                           fmt::format("{} connections ended because the server broke RFC 6455",
                                       websocket.protocol_errors)));
  if (websocket.pings_sent == 0) {
    checks.push_back(not_applied("pings_answered", "pings", "no ping was sent"));
  } else {
    checks.push_back(none_of("pings_answered", websocket.pings_sent - websocket.pongs_received,
                             "pings",
                             fmt::format("{} of {} pings were answered by their pong",
                                         websocket.pongs_received, websocket.pings_sent)));
  }
  const std::uint64_t offered = websocket.deflate_agreed + websocket.deflate_declined;
  if (offered == 0) {
    checks.push_back(
        not_applied("compression_agreed", "connections", "no compression was offered"));
  } else {
    checks.push_back(none_of("compression_agreed", websocket.deflate_declined, "connections",
                             fmt::format("the server declined permessage-deflate on {} of {} "
                                         "connections: start it with compression, or leave "
                                         "--ws-deflate out",
                                         websocket.deflate_declined, offered)));
  }
  // Those that ended early are another check's.
  const std::uint64_t wrong = websocket.closes_answered_otherwise +
                              distance(websocket.closes_sent, websocket.closes_answered);
  checks.push_back(none_of(
      "closes_answered", wrong, "connections",
      fmt::format("{} of {} Close frames were answered, {} of these with another code than 1000",
                  websocket.closes_answered, websocket.closes_sent,
                  websocket.closes_answered_otherwise)));
}

template <class T>
ValidityCheck host_check(const LoadDocument& document, const char* name, const char* field,
                         const std::optional<T>& value, double bound, const char* unit,
                         const char* explanation) {
  if (value) return at_most(name, std::abs(static_cast<double>(*value)), bound, unit, explanation);
  const auto reason = document.host.unavailable.find(field);
  return not_applied(name, unit,
                     reason != document.host.unavailable.end() ? reason->second : "not measured");
}

}  // namespace

std::vector<ValidityCheck> check_validity(const LoadDocument& document,
                                          const ValidityContext& context) {
  const RequestCounts& counts = document.counts;
  const measure::HostDeltas& host = document.host;
  const ValidityBounds& bounds = context.bounds;
  std::vector<ValidityCheck> checks{
      something_measured(document),
      counts_add_up(document, context),
      none_of("nothing_unsent", counts.unsent, "requests",
              fmt::format("{} planned requests were never sent", counts.unsent)),
      none_of(
          "nothing_lost", counts.lost, "requests",
          fmt::format("{} requests were sent and lost: closed, reset or swallowed", counts.lost)),
      none_of(
          "nothing_in_flight_at_end", counts.in_flight_at_end, "requests",
          fmt::format("{} requests had no answer when the drain ended", counts.in_flight_at_end)),
      nothing_corrupt(document),
      nothing_late(document),
      established_at_start(document),
      proven_alive(document),
      established_at_end(document),
      send_lag(document, context),
      generator_cpu(document, context),
      rate_achieved(document, context),
      littles_law(document, context),
      host_check(document, "listen_overflows", "listen_overflows", host.listen_overflows, 0,
                 "connections", "connections dropped because an accept queue was full"),
      host_check(document, "syn_cookies", "syn_cookies_sent", host.syn_cookies_sent, 0, "packets",
                 "SYN cookies sent because a SYN queue was full"),
      host_check(document, "syn_queue_drops", "syn_queue_drops", host.syn_queue_drops, 0, "packets",
                 "SYNs dropped because a SYN queue was full and SYN cookies are switched off"),
      host_check(document, "conntrack_drops", "conntrack_drops", host.conntrack_drops, 0, "packets",
                 "packets dropped by connection tracking"),
      host_check(document, "softnet_drops", "softnet_drops", host.softnet_drops, 0, "packets",
                 "packets dropped because a CPU's backlog was full"),
      host_check(document, "realtime_step", "realtime_step_us", host.realtime_step_us,
                 bounds.realtime_step_max_us, "us",
                 "how far the wall clock stepped in the window (latencies use another clock)"),
      host_check(document, "steal", "steal_fraction", host.steal_fraction,
                 bounds.steal_fraction_max, "fraction",
                 "share of this machine's CPU time that the hypervisor gave to others"),
      host_check(document, "throttled", "throttled_us", host.throttled_us, 0, "us",
                 "time for which a control group's CPU quota held processes back"),
      none_of("no_shard_died", context.shards_died, "shards",
              fmt::format("{} shards of the generator died", context.shards_died)),
  };
  add_websocket_checks(document, checks);
  add_churn_checks(document, context, checks);
  add_unkind_checks(document, context, checks);
  return checks;
}

}  // namespace c1m::loadgen
