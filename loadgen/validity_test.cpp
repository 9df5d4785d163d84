// Each check passes on a sound run and fails on the one fault that it is for.
#include "loadgen/validity.hpp"

#include <algorithm>
#include <functional>
#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace c1m::loadgen {
namespace {

using measure::LoadDocument;
using measure::ValidityCheck;

constexpr std::uint64_t requests = 10'000;
constexpr os::Nanoseconds response_ns = 2 * os::ns_per_ms;

// 1,000 requests/s for 10 s, each answered after 2 ms: two in flight on average.
LoadDocument sound_run(const char* mode) {
  LoadDocument document;
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

ValidityContext context_of(LoadMode mode) {
  ValidityContext context;
  context.mode = mode;
  if (mode == LoadMode::open) context.plan_count = requests;
  return context;
}

std::vector<std::string> failed(const LoadDocument& document, const ValidityContext& context) {
  std::vector<std::string> names;
  for (const ValidityCheck& check : check_validity(document, context)) {
    if (check.ok == false) names.push_back(check.name);
  }
  return names;
}

ValidityCheck find(const LoadDocument& document, const ValidityContext& context,
                   const std::string& name) {
  const auto checks = check_validity(document, context);
  const auto found = std::ranges::find(checks, name, &ValidityCheck::name);
  return found != checks.end() ? *found : ValidityCheck{};
}

TEST(Validity, SoundRunsPassEverything) {
  EXPECT_THAT(failed(sound_run("open"), context_of(LoadMode::open)), testing::IsEmpty());
  EXPECT_THAT(failed(sound_run("closed"), context_of(LoadMode::closed)), testing::IsEmpty());
}

TEST(Validity, EveryCheckExplainsItself) {
  for (const ValidityCheck& check : check_validity(sound_run("open"), context_of(LoadMode::open))) {
    EXPECT_TRUE(check.ok.has_value()) << check.name;
    EXPECT_TRUE(check.value.has_value()) << check.name;
    EXPECT_TRUE(check.bound.has_value()) << check.name;
    EXPECT_FALSE(check.unit.empty()) << check.name;
    EXPECT_GT(check.explanation.size(), 10U) << check.name;
  }
}

// Both connections were opened, pinged and closed.
measure::WebSocketResult sound_websocket() {
  measure::WebSocketResult websocket;
  websocket.handshake_ns.record(os::ns_per_ms, 2);
  websocket.pings_sent = websocket.pongs_received = 5;
  websocket.closes_sent = websocket.closes_answered = 2;
  return websocket;
}

TEST(Validity, SoundWebSocketRunsPassEverything) {
  LoadDocument document = sound_run("open");
  document.websocket = sound_websocket();
  EXPECT_THAT(failed(document, context_of(LoadMode::open)), testing::IsEmpty());
}

TEST(Validity, WithoutPingsNoneCanBeUnanswered) {
  LoadDocument document = sound_run("open");
  document.websocket = sound_websocket();
  document.websocket->pings_sent = document.websocket->pongs_received = 0;
  const auto checks = check_validity(document, context_of(LoadMode::open));
  const auto pings = std::ranges::find(checks, "pings_answered", &ValidityCheck::name);
  ASSERT_NE(pings, checks.end());
  EXPECT_EQ(pings->ok, std::nullopt);
}

struct WebSocketFault {
  const char* check;
  std::function<void(measure::WebSocketResult&)> inject;
};

class WebSocketFaults : public testing::TestWithParam<WebSocketFault> {};

TEST_P(WebSocketFaults, FailTheirCheckAndNoOther) {
  LoadDocument document = sound_run("open");
  document.websocket = sound_websocket();
  GetParam().inject(*document.websocket);
  EXPECT_THAT(failed(document, context_of(LoadMode::open)), testing::ElementsAre(GetParam().check));
}

INSTANTIATE_TEST_SUITE_P(
    All, WebSocketFaults,
    testing::Values(WebSocketFault{"handshakes_answered", [](auto& of) { of.handshake_ns = {}; }},
                    WebSocketFault{"protocol_kept", [](auto& of) { of.protocol_errors = 1; }},
                    WebSocketFault{"pings_answered", [](auto& of) { of.pongs_received = 4; }},
                    WebSocketFault{"closes_answered", [](auto& of) { of.closes_answered = 1; }},
                    WebSocketFault{"closes_answered",
                                   [](auto& of) { of.closes_answered_otherwise = 1; }}));

// A hundred lives ended, and their connections stood again.
measure::ChurnResult sound_churn() {
  return {.ends_planned = 100, .closed = 100, .reopened = 100};
}

TEST(Validity, SoundRunsOfSeveralLivesPassEverything) {
  LoadDocument document = sound_run("open");
  document.churn = sound_churn();
  ValidityContext context = context_of(LoadMode::open);
  context.ends_count = 100;
  EXPECT_THAT(failed(document, context), testing::IsEmpty());
  document.websocket = sound_websocket();
  document.websocket->handshake_ns.record(os::ns_per_ms, 100);
  EXPECT_THAT(failed(document, context), testing::IsEmpty()) << "each life has a handshake";
  document.churn = measure::ChurnResult{};
  context.ends_count = 0;
  EXPECT_EQ(find(document, context, "churn_achieved").ok, std::nullopt);
}

// In a closed loop what waits for its connection is in no service time.
TEST(Validity, AClosedLoopOfSeveralLivesKeepsLittlesLaw) {
  LoadDocument document = sound_run("closed");
  document.churn = sound_churn();
  document.connections_planned = document.connections_established = 3;
  document.connections_at_end = 3;
  EXPECT_THAT(failed(document, context_of(LoadMode::closed)), testing::ElementsAre("littles_law"));
  document.queued_mean = 1;
  EXPECT_THAT(failed(document, context_of(LoadMode::closed)), testing::IsEmpty());
}

struct ChurnFault {
  const char* check;
  std::function<void(measure::ChurnResult&)> inject;
};

class ChurnFaults : public testing::TestWithParam<ChurnFault> {};

TEST_P(ChurnFaults, FailTheirCheckAndNoOther) {
  LoadDocument document = sound_run("open");
  document.churn = sound_churn();
  GetParam().inject(*document.churn);
  ValidityContext context = context_of(LoadMode::open);
  context.ends_count = 100;
  EXPECT_THAT(failed(document, context), testing::ElementsAre(GetParam().check));
}

INSTANTIATE_TEST_SUITE_P(
    All, ChurnFaults,
    testing::Values(ChurnFault{"lives_add_up", [](auto& of) { of.reopened = 99; }},
                    ChurnFault{"lives_add_up",
                               [](auto& of) { of.ends_planned = of.closed = of.reopened = 99; }},
                    ChurnFault{"lives_closed",
                               [](auto& of) {
                                 of.closed = 99;
                                 of.closes_failed = 1;
                               }},
                    ChurnFault{"lives_closed",
                               [](auto& of) {
                                 of.closed = of.reopened = 99;
                                 of.unclosed = 1;
                               }},
                    ChurnFault{"lives_reopened",
                               [](auto& of) {
                                 of.reopened = 99;
                                 of.reopens_failed = 1;
                               }},
                    ChurnFault{"lives_reopened",
                               [](auto& of) {
                                 of.reopened = 99;
                                 of.unopened = 1;
                               }},
                    ChurnFault{"churn_achieved", [](auto& of) {
                                 of.ends_skipped = 2;
                                 of.closed = of.reopened = 98;
                               }}));

// As many as could be opened must stand at the end.
TEST(Validity, ARampUntilRefusedHoldsWhatItOpened) {
  LoadDocument document = sound_run("open");
  document.until_refused = true;
  document.connections_planned = 100;
  document.connections_proven.reset();
  const ValidityContext context = context_of(LoadMode::open);
  EXPECT_THAT(failed(document, context), testing::IsEmpty());
  EXPECT_EQ(find(document, context, "established_at_start").ok, std::nullopt);
  document.connections_at_end = 1;
  EXPECT_THAT(failed(document, context), testing::ElementsAre("established_at_end"));
}

using Fault = std::function<void(LoadDocument&, ValidityContext&)>;

struct FaultCase {
  const char* check;
  Fault inject;
};

class ValidityFaults : public testing::TestWithParam<FaultCase> {};

TEST_P(ValidityFaults, FailTheirCheckAndNoOther) {
  LoadDocument document = sound_run("open");
  ValidityContext context = context_of(LoadMode::open);
  GetParam().inject(document, context);
  EXPECT_THAT(failed(document, context), testing::ElementsAre(GetParam().check));
}

INSTANTIATE_TEST_SUITE_P(
    All, ValidityFaults,
    testing::Values(
        FaultCase{"counts_add_up", [](auto& document, auto&) { document.counts.sent += 1; }},
        FaultCase{"counts_add_up", [](auto&, auto& context) { context.plan_count = requests + 1; }},
        FaultCase{"counts_add_up", [](auto& document, auto&) { document.warmup_counts.lost = 1; }},
        FaultCase{"nothing_unsent",
                  [](auto& document, auto&) {
                    document.counts.unsent = 1;
                    document.counts.sent -= 1;
                    document.counts.answered -= 1;
                  }},
        FaultCase{"nothing_lost",
                  [](auto& document, auto&) {
                    document.counts.lost = 1;
                    document.counts.answered -= 1;
                  }},
        FaultCase{"nothing_in_flight_at_end",
                  [](auto& document, auto&) {
                    document.counts.in_flight_at_end = 1;
                    document.counts.answered -= 1;
                  }},
        FaultCase{"nothing_corrupt", [](auto& document, auto&) { document.counts.corrupt = 1; }},
        FaultCase{"nothing_corrupt",
                  [](auto& document, auto&) { document.warmup_counts.corrupt = 1; }},
        FaultCase{"nothing_corrupt", [](auto& document, auto&) { document.unexpected_bytes = 1; }},
        FaultCase{"nothing_late", [](auto& document, auto&) { document.counts.late = 1; }},
        FaultCase{"established_at_start",
                  [](auto& document, auto&) { document.connections_established = 1; }},
        FaultCase{"proven_alive", [](auto& document, auto&) { document.connections_proven = 1; }},
        FaultCase{"established_at_end",
                  [](auto& document, auto&) { document.connections_at_end = 1; }},
        FaultCase{"send_lag_p99_us",
                  [](auto& document, auto&) {
                    document.send_lag_ns->record(2 * os::ns_per_ms, requests / 90);
                  }},
        FaultCase{"generator_cpu",
                  [](auto& document, auto&) { document.shards[0].cpu_utilization = 0.91; }},
        FaultCase{"rate_achieved", [](auto& document, auto&) { document.rate_sent_rps = 989; }},
        FaultCase{"littles_law", [](auto& document, auto&) { document.in_flight_mean = 2.2; }},
        FaultCase{"littles_law", [](auto& document, auto&) { document.in_flight_mean = 1.8; }},
        FaultCase{"listen_overflows",
                  [](auto& document, auto&) { document.host.listen_overflows = 1; }},
        FaultCase{"syn_cookies", [](auto& document, auto&) { document.host.syn_cookies_sent = 1; }},
        FaultCase{"conntrack_drops",
                  [](auto& document, auto&) { document.host.conntrack_drops = 1; }},
        FaultCase{"softnet_drops", [](auto& document, auto&) { document.host.softnet_drops = 1; }},
        FaultCase{"realtime_step",
                  [](auto& document, auto&) { document.host.realtime_step_us = -1'001.0; }},
        FaultCase{"steal", [](auto& document, auto&) { document.host.steal_fraction = 0.06; }},
        FaultCase{"throttled", [](auto& document, auto&) { document.host.throttled_us = 1; }},
        FaultCase{"no_shard_died", [](auto&, auto& context) { context.shards_died = 1; }}));

TEST(Validity, NothingAnsweredIsNothingMeasured) {
  LoadDocument document = sound_run("open");
  document.counts = {};
  document.response_ns.emplace();
  document.send_lag_ns.emplace();
  document.service_ns = {};
  ValidityContext context = context_of(LoadMode::open);
  context.plan_count = 0;
  EXPECT_THAT(failed(document, context), testing::ElementsAre("something_measured"));
}

TEST(Validity, ClosedLoopIsNotHeldAgainstAPlan) {
  LoadDocument document = sound_run("closed");
  document.shards[0].cpu_utilization = 1.0;
  const ValidityContext context = context_of(LoadMode::closed);
  EXPECT_THAT(failed(document, context), testing::IsEmpty());
  for (const char* name : {"send_lag_p99_us", "generator_cpu", "rate_achieved"}) {
    const ValidityCheck check = find(document, context, name);
    EXPECT_EQ(check.ok, std::nullopt) << name;
    EXPECT_EQ(check.value, std::nullopt) << name;
    EXPECT_FALSE(check.explanation.empty()) << name;
  }
}

// In a closed loop the number in flight is known: the number of connections.
TEST(Validity, ClosedLoopMustHaveOneRequestAConnectionInFlight) {
  LoadDocument document = sound_run("closed");
  document.connections_planned = document.connections_established = 3;
  document.connections_at_end = 3;
  EXPECT_THAT(failed(document, context_of(LoadMode::closed)), testing::ElementsAre("littles_law"));
}

TEST(Validity, ClosedLoopWithAPipelineHasThatManyInFlight) {
  LoadDocument document = sound_run("closed");
  ValidityContext context = context_of(LoadMode::closed);
  context.pipeline = 2;
  EXPECT_THAT(failed(document, context), testing::ElementsAre("littles_law"));
  document.service_ns = {};
  document.service_ns.record(2 * response_ns, requests);
  EXPECT_THAT(failed(document, context), testing::IsEmpty());
}

TEST(Validity, LittlesLawAllowsATenthOfARequest) {
  LoadDocument document = sound_run("open");
  document.in_flight_mean = 0.0;
  document.response_ns.emplace().record(50'000, requests);  // 0.05 in flight
  const ValidityCheck check = find(document, context_of(LoadMode::open), "littles_law");
  EXPECT_EQ(check.ok, true);
  EXPECT_GT(check.value.value_or(0), 0.05);
}

TEST(Validity, OneRequestAtTheEdgeOfAShortRunIsNoError) {
  LoadDocument document = sound_run("open");
  document.counts = {.planned = 10, .sent = 10, .answered = 10};
  document.rate_sent_rps = 0.9;
  const ValidityContext context = context_of(LoadMode::open);
  EXPECT_EQ(find(document, context, "rate_achieved").ok, true);
  document.rate_sent_rps = 0.8;
  EXPECT_EQ(find(document, context, "rate_achieved").ok, false);
}

TEST(Validity, WhatTheHostDoesNotSayFailsNothingAndSaysWhy) {
  LoadDocument document = sound_run("open");
  document.host.conntrack_drops.reset();
  document.host.unavailable["conntrack_drops"] = "no such file";
  const ValidityContext context = context_of(LoadMode::open);
  EXPECT_THAT(failed(document, context), testing::IsEmpty());
  const ValidityCheck check = find(document, context, "conntrack_drops");
  EXPECT_EQ(check.ok, std::nullopt);
  EXPECT_EQ(check.explanation, "no such file");
}

TEST(Validity, DocumentIsValidWhenNoCheckFailed) {
  LoadDocument document = sound_run("open");
  document.checks = check_validity(document, context_of(LoadMode::open));
  EXPECT_TRUE(document.valid());
  document.counts.late = 3;
  document.checks = check_validity(document, context_of(LoadMode::open));
  EXPECT_FALSE(document.valid());
  EXPECT_THAT(
      document.invalid_reasons(),
      testing::ElementsAre("nothing_late: 3 requests were answered later than the timeout"));
}

}  // namespace
}  // namespace c1m::loadgen
