// Little's law holds for what the accounting counted, and no more when one of its counters is
// wrong.
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "loadgen/accounting.hpp"
#include "loadgen/load_merge.hpp"
#include "loadgen/validity.hpp"

namespace c1m::loadgen {
namespace {

constexpr os::Nanoseconds ms = os::ns_per_ms;
constexpr measure::LoadWindow window{.start_ns = 1'000 * ms, .end_ns = 3'000 * ms};
constexpr int requests = 2'000;
constexpr int response_ms = 3;

// A request each millisecond, answered after three, in virtual time.
measure::LoadShardResult counted() {
  Accounting accounting(LoopKind::open, 500 * ms);
  accounting.open_window(window);
  std::vector<Request> sent;
  for (int at = 0; at < requests + response_ms; ++at) {
    const os::Nanoseconds now_ns = window.start_ns + at * ms;
    if (at >= response_ms) {
      accounting.on_answered(sent[static_cast<std::size_t>(at - response_ms)], now_ns, false);
    }
    if (at >= requests) continue;
    accounting.on_planned(now_ns, now_ns);
    sent.push_back({.intended_ns = now_ns, .sent_ns = now_ns});
    accounting.on_sent(sent.back(), now_ns);
  }
  measure::LoadShardResult result;
  accounting.write_to(result);
  result.connections_planned = result.connections_established = result.connections_at_end = 1;
  return result;
}

std::vector<std::string> failed_checks(measure::LoadShardResult result) {
  LoadSettings settings;
  settings.mode = LoadMode::open;
  settings.connections = 1;
  RunOutcome outcome;
  outcome.window = window;
  outcome.window_reached = true;
  outcome.shards = {{0, 100}};
  outcome.results.push_back(std::move(result));
  const auto document = merge_outcome(settings, {}, outcome);
  ValidityContext context;
  context.mode = LoadMode::open;
  context.plan_count = requests;
  std::vector<std::string> names;
  for (const auto& check : check_validity(document, context)) {
    if (check.ok == false) names.push_back(check.name);
  }
  return names;
}

TEST(LittlesLaw, HoldsForWhatWasCounted) {
  EXPECT_THAT(failed_checks(counted()), testing::IsEmpty());
}

TEST(LittlesLaw, AnInFlightCounterThatIsOffByATenthIsFoundOut) {
  for (const double factor : {0.9, 1.1}) {
    measure::LoadShardResult tampered = counted();
    tampered.in_flight_request_s *= factor;
    EXPECT_THAT(failed_checks(std::move(tampered)), testing::ElementsAre("littles_law")) << factor;
  }
}

TEST(LittlesLaw, LatenciesThatAreNotOfTheseRequestsAreFoundOut) {
  measure::LoadShardResult tampered = counted();
  tampered.response_ns.record(1'000 * ms, requests / 100);
  EXPECT_THAT(failed_checks(std::move(tampered)), testing::ElementsAre("littles_law"));
}

}  // namespace
}  // namespace c1m::loadgen
