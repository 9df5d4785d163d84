// What stands in the terminal: the figures, the verdict, and progress.
#include "loadgen/load_report.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "loadgen/load_progress.hpp"

namespace c1m::loadgen {
namespace {

using testing::HasSubstr;
using testing::Not;

measure::LoadDocument document_of(const char* mode) {
  measure::LoadDocument document;
  document.mode = mode;
  document.protocol = "echo";
  document.settings = {{"targets", std::vector<std::string>{"h:1", "h:2"}},
                       {"connections", std::uint64_t{20}},
                       {"rate_rps", 1'500.0 + 1.0 / 3},
                       {"rate_pattern", std::string("ramp 1:2")},
                       {"connection_choice", std::string("zipf:1.1")},
                       {"arrival", std::string("poisson")}};
  document.window = {.start_ns = 0, .end_ns = 3 * os::ns_per_s};
  document.counts = {.planned = 1, .sent = 1, .answered = 1};
  document.service_ns.record(1'500'000);
  document.connection_errors = {{"ECONNRESET", 4}};
  document.checks = {
      {.name = "fine", .value = 0, .bound = 0, .unit = "", .ok = true, .explanation = "good"}};
  return document;
}

TEST(LoadReport, ShowsWhatWasMeasured) {
  auto document = document_of("open");
  document.response_ns.emplace().record(2'000'000);
  const std::string text = format_report(document);
  EXPECT_THAT(text, HasSubstr("echo to h:1,h:2"));
  EXPECT_THAT(text, HasSubstr("open loop: 1500.33 requests/s (ramp 1:2), poisson arrivals, "
                              "connections zipf:1.1"));
  EXPECT_THAT(text, HasSubstr("p99.9"));
  EXPECT_THAT(text, HasSubstr("2000"));
  EXPECT_THAT(text, HasSubstr("ECONNRESET: 4"));
  EXPECT_THAT(text, HasSubstr("valid: 1 checks passed"));
}

TEST(LoadReport, SaysHowManyTimedOut) {
  auto document = document_of("open");
  EXPECT_THAT(format_report(document), Not(HasSubstr("timed out")));
  document.counts.timed_out = 7;
  EXPECT_THAT(format_report(document), HasSubstr("timed out     7 of those in flight"));
}

TEST(LoadReport, ShowsHowConnectionsCameToBe) {
  auto document = document_of("open");
  EXPECT_THAT(format_report(document), Not(HasSubstr("connecting")));
  document.connect.first_ns = os::ns_per_s;
  document.connect.last_ns = 2 * os::ns_per_s;
  document.connect.latency_ns.record(1'500'000, 200);
  document.connect_timeline = {{10, {.attempted = 200, .established = 90}},
                               {15, {.established = 110}}};
  EXPECT_THAT(format_report(document),
              HasSubstr("connecting    200 connects/s, at most 110 in 100 ms; p50 15"));
  EXPECT_THAT(format_report(document), Not(HasSubstr("SYNs")));
  document.host.syn_retransmits = 4;
  EXPECT_THAT(format_report(document), HasSubstr("SYNs          4 sent again while connecting"));
}

TEST(LoadReport, ShowsTheWall) {
  auto document = document_of("idle");
  document.connections_planned = 9;
  EXPECT_THAT(format_report(document), Not(HasSubstr("wall")));
  document.until_refused = true;
  EXPECT_THAT(format_report(document), HasSubstr("wall          none: all 9 connections"));
  document.connections_established = 7;
  document.connect.first_refusal = {.at_ns = 1, .call = "connect", .reason = "ECONNREFUSED"};
  EXPECT_THAT(format_report(document),
              HasSubstr("wall          7 connections of at most 9, then connect: ECONNREFUSED"));
}

TEST(LoadReport, ShowsTheLivesOfConnections) {
  auto document = document_of("open");
  EXPECT_THAT(format_report(document), Not(HasSubstr("lives")));
  document.settings.emplace_back("lifetime", std::string("exp:2s"));
  document.churn = {.ends_planned = 9,
                    .ends_skipped = 1,
                    .closed = 7,
                    .closes_failed = 1,
                    .reopened = 8,
                    .close_errors = {{"ETIMEDOUT", 1}}};
  document.churn->close_ns.record(1'500'000);
  const std::string text = format_report(document);
  EXPECT_THAT(text, HasSubstr("lives         8 ended as planned (exp:2s), 1 ends skipped"));
  EXPECT_THAT(text, HasSubstr("closed        7, 1 otherwise, 0 not yet; p50 15"));
  EXPECT_THAT(text, HasSubstr("reopened      8, 0 failed, 0 not yet; p50 - us"));
  EXPECT_THAT(text, HasSubstr("close error   ETIMEDOUT: 1"));
}

TEST(LoadReport, ShowsResetsAndClientsBesideTheLoad) {
  auto document = document_of("open");
  EXPECT_THAT(format_report(document), Not(HasSubstr("half-open")));
  document.churn.emplace();
  EXPECT_THAT(format_report(document), Not(HasSubstr("resets")));
  document.churn->resets = 3;
  document.half_open = {.asked = 20, .opened = 20, .standing_client_s = 60};
  document.slow = {.asked = 5,
                   .opened = 7,
                   .ended = 2,
                   .bytes_sent = 40,
                   .answered = 1,
                   .standing_client_s = 13.5,
                   .end_errors = {{"closed by peer", 2}},
                   .connect_errors = {{"ECONNREFUSED", 8}}};
  document.slow->ended_after_ns.record(1'500'000, 2);
  const std::string text = format_report(document);
  EXPECT_THAT(text, HasSubstr("resets        3 of ours"));
  EXPECT_THAT(text, HasSubstr("half-open     20 asked, 20.0 stood on average, 0 ended by the "
                              "server\n"));
  EXPECT_THAT(text, HasSubstr("slow          5 asked, 4.5 stood on average, 40 bytes sent, 1 "
                              "answers, 2 ended by the server after; p50 15"));
  EXPECT_THAT(text, HasSubstr("ended by closed by peer: 2"));
  EXPECT_THAT(text, HasSubstr("connect error ECONNREFUSED: 8"));
}

TEST(LoadReport, ShowsThresholdsWithTheirFigures) {
  auto document = document_of("open");
  document.thresholds = {{.text = "p99<5ms",
                          .value = 2'000.5,
                          .comparison = "<",
                          .bound = 5'000,
                          .unit = "us",
                          .ok = true},
                         {.text = "max<1s", .comparison = "<", .bound = 1e6, .unit = "us"}};
  const std::string kept = "threshold     p99<5ms: 2000.5 us (bound < 5000), kept\n";
  const std::string crossed = "max<1s: not measured  (bound < 1e+06), CROSSED\n";
  EXPECT_THAT(format_report(document), testing::AllOf(HasSubstr(kept), HasSubstr(crossed)));
  const std::string only = format_thresholds(document, ShownThresholds::only_crossed);
  EXPECT_THAT(only, testing::AllOf(Not(HasSubstr(kept)), HasSubstr(crossed)));
}

TEST(LoadReport, ShowsTheFloorBesideTheResult) {
  auto document = document_of("open");
  EXPECT_THAT(format_report(document), Not(HasSubstr("floor")));
  document.floor.emplace().message_bytes = 64;
  document.floor->round_trip_ns.record(8'000);
  EXPECT_THAT(format_report(document), HasSubstr("floor         p50 8.0 us, p99 8.0 us"));
}

TEST(LoadReport, SplitsServiceTimeWhereTheKernelSaid) {
  auto document = document_of("open");
  EXPECT_THAT(format_report(document), Not(HasSubstr("kernel timestamps")));
  document.network_ns.emplace().record(9'000);
  document.receive_delay_ns.emplace().record(3'000);
  EXPECT_THAT(format_report(document),
              HasSubstr("network and server p50 9.0 p99 9.0, then until read p50 3.0"));
}

TEST(LoadReport, ShowsWebSocketsHandshakesAndPings) {
  auto document = document_of("open");
  EXPECT_THAT(format_report(document), Not(HasSubstr("handshakes")));
  document.settings.emplace_back("message_bytes_min", std::uint64_t{16});
  document.settings.emplace_back("message_bytes", std::uint64_t{300});
  document.settings.emplace_back("ws_opcode", std::string("text"));
  document.settings.emplace_back("ws_fragment_bytes", std::uint64_t{7});
  measure::WebSocketResult& websocket = document.websocket.emplace();
  websocket.handshake_ns.record(8'000);
  websocket.closes_sent = websocket.closes_answered = 20;
  std::string text = format_report(document);
  EXPECT_THAT(text, HasSubstr("16 to 300 bytes of text in frames of at most 7 bytes"));
  EXPECT_THAT(text, HasSubstr("handshakes    1 answered; p50 8.0 us"));
  EXPECT_THAT(text, HasSubstr("closes        20 sent, 20 answered; p50 - us"));
  EXPECT_THAT(text, Not(HasSubstr("pings")));
  websocket.pings_sent = 3;
  websocket.pongs_received = 2;
  text = format_report(document);
  EXPECT_THAT(text, HasSubstr("pings         3 sent, 2 answered, 0 skipped"));
  EXPECT_THAT(text, Not(HasSubstr("compression")));
  websocket.deflate_agreed = 19;
  websocket.deflate_declined = 1;
  websocket.compressed_sent_bytes = 400;
  websocket.compressed_sent_message_bytes = 1'000;
  EXPECT_THAT(format_report(document),
              HasSubstr("compression   on 19 of 20 connections; sent 400 of 1000 bytes (40.0 %), "
                        "received none"));
}

TEST(LoadReport, LabelsAClosedLoopAsCapacity) {
  const std::string text = format_report(document_of("closed"));
  EXPECT_THAT(text, HasSubstr("capacity, not latency"));
}

TEST(LoadReport, ShowsFailedChecksAndNothingOfTheOthers) {
  auto document = document_of("open");
  EXPECT_EQ(format_failed_checks(document), "");
  document.checks.push_back({.name = "nothing_lost",
                             .value = 3,
                             .bound = 0,
                             .unit = "requests",
                             .ok = false,
                             .explanation = "3 requests were lost"});
  const std::string text = format_failed_checks(document);
  EXPECT_THAT(text, HasSubstr("NOT VALID"));
  EXPECT_THAT(text, HasSubstr("nothing_lost = 3 requests (bound 0): 3 requests were lost"));
  EXPECT_THAT(text, Not(HasSubstr("fine")));
  EXPECT_THAT(format_report(document), HasSubstr(text));
}

TEST(LoadReport, SaysWhatStoppedAPartialRun) {
  auto document = document_of("open");
  document.stopped_by = "SIGINT";
  EXPECT_THAT(format_report(document), HasSubstr("PARTIAL: stopped by SIGINT"));
}

TEST(Progress, HasABarOnlyOnATerminal) {
  ProgressFigures figures{.phase = "window",
                          .done = 0.5,
                          .established = 90,
                          .connections = 100,
                          .answers_per_s = 1'000,
                          .latency_p99_ns = 1'234'567,
                          .send_lag_p99_ns = 45'678,
                          .errors = 2,
                          .outstanding = 3};
  EXPECT_EQ(format_progress(figures, 10),
            "[#####.....] window 50 %: 90 of 100 connections, 1000 answers/s, p99 1.23e+03 us, "
            "send lag p99 45.7 us, 2 errors, 3 outstanding");
  figures.done = 1.7;
  figures.latency_p99_ns.reset();
  figures.send_lag_p99_ns.reset();
  EXPECT_EQ(format_progress(figures, 0),
            "window 100 %: 90 of 100 connections, 1000 answers/s, 2 errors, 3 outstanding");
  figures.beside = 7;
  EXPECT_EQ(
      format_progress(figures, 0),
      "window 100 %: 90 of 100 connections, 1000 answers/s, 2 errors, 3 outstanding, 7 beside");
}

}  // namespace
}  // namespace c1m::loadgen
