// Each check passes on a sound run and fails on the one fault that it is for.
#include <algorithm>
#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "loadgen/validity_fixture.hpp"

namespace c1m::loadgen {
namespace {

using measure::LoadDocument;
using measure::ValidityCheck;

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

TEST(Validity, SoundWebSocketRunsPassEverything) {
  LoadDocument document = sound_run("open");
  document.websocket = sound_websocket();
  EXPECT_THAT(failed(document, context_of(LoadMode::open)), testing::IsEmpty());
}

TEST(Validity, CompressionIsAskedForOnlyWhereItWasOffered) {
  LoadDocument document = sound_run("open");
  document.websocket = sound_websocket();
  const auto verdict = [&document] {
    const auto checks = check_validity(document, context_of(LoadMode::open));
    return std::ranges::find(checks, "compression_agreed", &ValidityCheck::name)->ok;
  };
  EXPECT_EQ(verdict(), std::nullopt);
  document.websocket->deflate_agreed = 2;
  EXPECT_EQ(verdict(), true);
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
                                   [](auto& of) { of.closes_answered_otherwise = 1; }},
                    WebSocketFault{"compression_agreed", [](auto& of) {
                                     of.deflate_agreed = 1;
                                     of.deflate_declined = 1;
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
        FaultCase{"syn_queue_drops",
                  [](auto& document, auto&) { document.host.syn_queue_drops = 1; }},
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
