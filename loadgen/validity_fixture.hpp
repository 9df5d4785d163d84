// A sound run for the tests of validity checks, and which of them fail on what is made of it.
// Threads: the test's.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "loadgen/validity.hpp"

namespace c1m::loadgen {

inline constexpr std::uint64_t requests = 10'000;
inline constexpr os::Nanoseconds response_ns = 2 * os::ns_per_ms;

// 1,000 requests/s for 10 s, each answered after 2 ms: two in flight on average.
inline measure::LoadDocument sound_run(const char* mode) {
  measure::LoadDocument document;
  document.mode = mode;
  document.window = {.start_ns = os::ns_per_s, .end_ns = 11 * os::ns_per_s};
  document.connections_planned = 2;
  document.connections_established = 2;
  document.connections_at_end = 2;
  document.counts = {.planned = requests, .sent = requests, .answered = requests};
  document.rate_sent_rps = 1'000;
  document.rate_achieved_rps = 1'000;
  document.in_flight_mean = 2.0;
  document.service_ns.record(response_ns, requests);
  if (document.mode == "open") {
    document.rate_planned_rps = 1'000;
    document.connections_proven = 2;
    document.response_ns.emplace().record(response_ns, requests);
    document.send_lag_ns.emplace().record(20'000, requests);
  }
  document.shards = {{.index = 0, .pid = 1, .cpu_utilization = 0.3}};
  document.host = {.listen_overflows = 0,
                   .listen_drops = 0,
                   .syn_cookies_sent = 0,
                   .syn_queue_drops = 0,
                   .syn_retransmits = 0,
                   .tcp_retransmits = 5,
                   .softnet_drops = 0,
                   .conntrack_drops = 0,
                   .steal_fraction = 0.0,
                   .throttled_us = 0,
                   .realtime_step_us = 0.5,
                   .unavailable = {}};
  return document;
}

inline ValidityContext context_of(LoadMode mode) {
  ValidityContext context;
  context.mode = mode;
  if (mode == LoadMode::open) context.plan_count = requests;
  return context;
}

inline std::vector<std::string> failed(const measure::LoadDocument& document,
                                       const ValidityContext& context) {
  std::vector<std::string> names;
  for (const measure::ValidityCheck& check : check_validity(document, context)) {
    if (check.ok == false) names.push_back(check.name);
  }
  return names;
}

inline measure::ValidityCheck find(const measure::LoadDocument& document,
                                   const ValidityContext& context, const std::string& name) {
  const auto checks = check_validity(document, context);
  const auto found = std::ranges::find(checks, name, &measure::ValidityCheck::name);
  return found != checks.end() ? *found : measure::ValidityCheck{};
}

// Both connections were opened, pinged and closed.
inline measure::WebSocketResult sound_websocket() {
  measure::WebSocketResult websocket;
  websocket.handshake_ns.record(os::ns_per_ms, 2);
  websocket.pings_sent = websocket.pongs_received = 5;
  websocket.closes_sent = websocket.closes_answered = 2;
  return websocket;
}

}  // namespace c1m::loadgen
