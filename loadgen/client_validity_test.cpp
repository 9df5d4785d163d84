// Lives and clients beside the load: sound ones pass, and each fault fails the check that is for
// it.
#include "loadgen/client_validity.hpp"

#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "loadgen/validity_fixture.hpp"

namespace c1m::loadgen {
namespace {

using measure::LoadDocument;
using testing::HasSubstr;

// A hundred lives ended, ten of them by a reset, and their connections stood again.
measure::ChurnResult sound_churn() {
  return {.ends_planned = 100, .closed = 90, .resets = 10, .reopened = 100};
}

TEST(Validity, SoundRunsOfSeveralLivesPassEverything) {
  LoadDocument document = sound_run("open");
  document.churn = sound_churn();
  ValidityContext context = context_of(LoadMode::open);
  context.ends_count = {.all = 100, .resets = 10};
  EXPECT_THAT(failed(document, context), testing::IsEmpty());
  document.websocket = sound_websocket();
  document.websocket->handshake_ns.record(os::ns_per_ms, 100);
  EXPECT_THAT(failed(document, context), testing::IsEmpty()) << "each life has a handshake";
  document.churn = measure::ChurnResult{};
  context.ends_count = PlannedEnds{};
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
  context.ends_count = {.all = 100, .resets = 10};
  EXPECT_THAT(failed(document, context), testing::ElementsAre(GetParam().check));
}

INSTANTIATE_TEST_SUITE_P(All, ChurnFaults,
                         testing::Values(ChurnFault{"lives_add_up",
                                                    [](auto& of) { of.reopened = 99; }},
                                         ChurnFault{"lives_add_up",
                                                    [](auto& of) {
                                                      of.closed = 89;
                                                      of.ends_planned = of.reopened = 99;
                                                    }},
                                         ChurnFault{"lives_closed",
                                                    [](auto& of) {
                                                      of.closed = 89;
                                                      of.closes_failed = 1;
                                                    }},
                                         ChurnFault{"lives_closed",
                                                    [](auto& of) {
                                                      of.closed = 89;
                                                      of.reopened = 99;
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
                                         ChurnFault{"churn_achieved",
                                                    [](auto& of) {
                                                      of.ends_skipped = 2;
                                                      of.closed = 88;
                                                      of.reopened = 98;
                                                    }},
                                         ChurnFault{"resets_as_planned",
                                                    [](auto& of) {
                                                      of.closed = 91;
                                                      of.resets = 9;
                                                    }},
                                         ChurnFault{"resets_as_planned", [](auto& of) {
                                                      of.closed = 89;
                                                      of.resets = 11;
                                                    }}));

// A reset that fell due while its connection was away is none that was forgotten.
TEST(Validity, SkippedEndsMayHaveBeenToBeResets) {
  LoadDocument document = sound_run("open");
  document.churn = sound_churn();
  document.churn->resets = 9;
  document.churn->ends_skipped = 1;
  document.churn->reopened = 99;
  ValidityContext context = context_of(LoadMode::open);
  context.ends_count = {.all = 100, .resets = 10};
  EXPECT_THAT(failed(document, context), testing::IsEmpty());
  context.ends_count.reset();
  EXPECT_EQ(find(document, context, "resets_as_planned").ok, std::nullopt);
}

// Ten half-open and five slow ones, all of which stood for the ten seconds of the window.
LoadDocument run_beside_clients() {
  LoadDocument document = sound_run("open");
  document.half_open = {.asked = 10, .opened = 10, .standing_at_end = 10, .standing_client_s = 100};
  document.slow = {.asked = 5,
                   .opened = 5,
                   .standing_at_end = 5,
                   .bytes_sent = 50,
                   .answered = 1,
                   .standing_client_s = 50};
  return document;
}

TEST(Validity, SoundClientsBesideTheLoadPassEverything) {
  const ValidityContext context = context_of(LoadMode::open);
  EXPECT_THAT(failed(run_beside_clients(), context), testing::IsEmpty());
  EXPECT_EQ(find(sound_run("open"), context, "half_open_stood").name, "") << "none were asked for";
}

// A server that ends them and takes them back stays beside as many as were asked for.
TEST(Validity, AServerMayEndThemAsLongAsTheyComeBack) {
  LoadDocument document = run_beside_clients();
  document.slow->opened = 10;
  document.slow->ended = 5;
  document.slow->end_errors = {{"closed by peer", 5}};
  document.slow->standing_client_s = 48;
  const auto check = find(document, context_of(LoadMode::open), "slow_stood");
  EXPECT_EQ(check.ok, true);
  EXPECT_NEAR(*check.value, 0.04, 1e-9);
  EXPECT_THAT(check.explanation, HasSubstr("4.8 of 5 clients stood"));
  EXPECT_THAT(check.explanation, HasSubstr("ended 5 of them (closed by peer: 5)"));
}

TEST(Validity, WithoutAWindowNobodyStoodInIt) {
  LoadDocument document = run_beside_clients();
  document.window = {};
  EXPECT_EQ(find(document, context_of(LoadMode::open), "slow_stood").ok, std::nullopt);
}

// Whom nobody has answered yet, nobody has answered rightly.
TEST(Validity, WithoutAnAnswerToSlowClientsThereIsNothingToJudge) {
  LoadDocument document = run_beside_clients();
  document.slow->answered = 0;
  EXPECT_EQ(find(document, context_of(LoadMode::open), "slow_answered_right").ok, std::nullopt);
  document.slow->corrupt = 1;  // an answer that was wrong before it was whole
  EXPECT_EQ(find(document, context_of(LoadMode::open), "slow_answered_right").ok, false);
}

struct UnkindFault {
  const char* check;
  std::function<void(LoadDocument&)> inject;
};

class UnkindFaults : public testing::TestWithParam<UnkindFault> {};

TEST_P(UnkindFaults, FailTheirCheckAndNoOther) {
  LoadDocument document = run_beside_clients();
  GetParam().inject(document);
  EXPECT_THAT(failed(document, context_of(LoadMode::open)), testing::ElementsAre(GetParam().check));
}

INSTANTIATE_TEST_SUITE_P(
    All, UnkindFaults,
    testing::Values(UnkindFault{"half_open_stood",
                                [](auto& of) { of.half_open->standing_client_s = 94; }},
                    UnkindFault{"slow_stood", [](auto& of) { of.slow->standing_client_s = 47; }},
                    UnkindFault{"slow_answered_right", [](auto& of) { of.slow->corrupt = 1; }},
                    UnkindFault{"unkind_add_up", [](auto& of) { of.half_open->ended = 1; }},
                    UnkindFault{"unkind_add_up", [](auto& of) { of.slow->opened = 6; }}));

}  // namespace
}  // namespace c1m::loadgen
