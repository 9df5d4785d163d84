// Whole runs by forked shards against an echo server in a child process: results of all shards come
// back, and a target that goes away or a shard that is killed ends the run.
#include "loadgen/load_run.hpp"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <functional>
#include <optional>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "loadgen/arrival_plan.hpp"
#include "loadgen/load_merge.hpp"
#include "os/process.hpp"
#include "os/socket.hpp"

namespace c1m::loadgen {
namespace {

// Echoes on every connection of `listener`; ends after `answers_max` reads, if that is not 0.
int serve_echo(int listener, int answers_max) {
  std::vector<pollfd> polled{{.fd = listener, .events = POLLIN, .revents = 0}};
  std::array<std::byte, 65'536> buffer{};
  int answers = 0;
  while (true) {
    ::poll(polled.data(), polled.size(), -1);
    if ((polled[0].revents & POLLIN) != 0) {
      if (auto accepted = os::accept_tcp(listener, os::Blocking::yes, {})) {
        polled.push_back({.fd = accepted->release(), .events = POLLIN, .revents = 0});
      }
    }
    for (pollfd& at : polled) {
      if (at.fd == listener || (at.revents & POLLIN) == 0) continue;
      const auto got = os::read_some(at.fd, buffer);
      if (!got || *got == 0) {
        ::close(at.fd);
        at.fd = -1;  // poll(2) skips it
        continue;
      }
      static_cast<void>(os::write_some(at.fd, std::span(buffer).first(*got)));
      if (++answers == answers_max) return 0;
    }
  }
}

class LoadRunTest : public testing::Test {
 protected:
  void serve(int answers_max = 0) {
    const os::Endpoint local = os::Endpoint::ipv4(0x7f000001, 0);
    os::ListenOptions options;
    options.non_blocking = false;
    listener = os::listen_tcp(local, options).value();
    settings.targets = {os::local_endpoint(listener.get()).value()};
    settings.target_names = {settings.targets[0].to_string()};
    const int fd = listener.get();
    server.emplace(os::fork_child([=] { return serve_echo(fd, answers_max); }).value());
    listener.reset();
  }

  void SetUp() override {
    settings.mode = LoadMode::open;
    settings.connections = 6;
    settings.schedule.rate = {.then_per_s = 300};
    settings.warmup_ns = 50 * os::ns_per_ms;
    settings.duration_ns = 300 * os::ns_per_ms;
    settings.progress = ProgressKind::never;
  }

  void TearDown() override {
    if (!server) return;
    static_cast<void>(server->signal(SIGKILL));
    static_cast<void>(server->wait());
  }

  RunOutcome run(std::uint32_t shards) {
    auto outcome = run_load(settings, shards, {});
    EXPECT_TRUE(outcome) << os::describe(outcome.error());
    return outcome ? *std::move(outcome) : RunOutcome{};
  }

  LoadSettings settings;
  os::Descriptor listener;
  std::optional<os::ChildProcess> server;
};

TEST_F(LoadRunTest, EveryShardAnswersForItsPartOfThePlan) {
  serve();
  const RunOutcome outcome = run(3);
  EXPECT_EQ(outcome.stopped_by, std::nullopt);
  EXPECT_THAT(outcome.failures, testing::IsEmpty());
  ASSERT_EQ(outcome.results.size(), 3U);
  const auto document = merge_outcome(settings, {}, outcome);
  EXPECT_EQ(document.connections_at_end, 6U);
  const std::uint64_t planned = count_arrivals(settings.plan(), settings.warmup_ns,
                                               settings.warmup_ns + settings.duration_ns);
  EXPECT_EQ(document.counts.planned, planned);
  EXPECT_EQ(document.counts.answered, planned);
  EXPECT_EQ(document.counts.corrupt, 0U);
  EXPECT_EQ(document.response_ns->count(), planned);
  EXPECT_EQ(document.warmup_counts.planned, count_arrivals(settings.plan(), 0, settings.warmup_ns));
  EXPECT_EQ(document.window.end_ns - document.window.start_ns, settings.duration_ns);
  ASSERT_TRUE(document.floor) << "measured before each run";
  EXPECT_GT(document.floor->round_trip_ns.count(), 0U);
}

// Far beyond what can be sent in time: what is due before the end is sent after it, with its lag.
TEST_F(LoadRunTest, WhatIsDueInTheWindowIsSentHoweverLate) {
  serve();
  settings.schedule.rate = {.then_per_s = 500'000};
  settings.duration_ns = 20 * os::ns_per_ms;
  settings.warmup_ns = 0;
  const auto document = merge_outcome(settings, {}, run(1));
  EXPECT_EQ(document.counts.planned, count_arrivals(settings.plan(), 0, settings.duration_ns));
  EXPECT_EQ(document.counts.sent, document.counts.planned);
  EXPECT_GT(document.send_lag_ns->max(), 0);
}

// The last of three arrivals is due 500 ns before the end: nobody wakes up as fast as that.
TEST_F(LoadRunTest, NoArrivalIsForgottenAtTheEndOfTheWindow) {
  serve();
  settings.schedule.process = ArrivalProcess::uniform;
  settings.schedule.rate = {.then_per_s = 10};
  settings.connections = 1;
  settings.duration_ns = 250 * os::ns_per_ms + 500;
  settings.warmup_ns = 0;
  const auto document = merge_outcome(settings, {}, run(1));
  EXPECT_EQ(document.counts.planned, 3U);
  EXPECT_EQ(document.counts.answered, 3U);
}

TEST_F(LoadRunTest, ClosedLoopAndIdleRunToTheirEnds) {
  serve();
  settings.mode = LoadMode::closed;
  const auto closed = merge_outcome(settings, {}, run(2));
  EXPECT_GT(closed.counts.answered, 0U);
  EXPECT_EQ(closed.counts.in_flight_at_end, 0U);
  settings.mode = LoadMode::idle;
  settings.warmup_ns = 0;
  const auto idle = merge_outcome(settings, {}, run(2));
  EXPECT_EQ(idle.counts.planned, 6U);
  EXPECT_EQ(idle.counts.answered, 6U);
}

TEST_F(LoadRunTest, AHoldProvesEachConnectionBeforeTheWarmUp) {
  serve();
  settings.hold_ns = 300 * os::ns_per_ms;
  const os::Nanoseconds began_ns = os::monotonic_ns();
  const auto document = merge_outcome(settings, {}, run(2));
  EXPECT_EQ(document.connections_proven, 6U);
  EXPECT_GE(document.window.start_ns - began_ns, settings.hold_ns + settings.warmup_ns);
  const std::uint64_t planned = count_arrivals(settings.plan(), settings.warmup_ns,
                                               settings.warmup_ns + settings.duration_ns);
  EXPECT_EQ(document.counts.answered, planned) << "the proof is none of the plan's requests";
  EXPECT_EQ(document.warmup_counts.answered,
            6 + count_arrivals(settings.plan(), 0, settings.warmup_ns));
  settings.hold_ns = 0;
  EXPECT_EQ(merge_outcome(settings, {}, run(2)).connections_proven, std::nullopt);
}

// The server answers four, then it is gone: two connections are not proven.
TEST_F(LoadRunTest, AHoldCountsNoneThatDidNotAnswer) {
  serve(4);
  settings.hold_ns = 60 * os::ns_per_s;
  const RunOutcome outcome = run(2);
  EXPECT_EQ(outcome.stopped_by, "target lost");
  EXPECT_EQ(merge_outcome(settings, {}, outcome).connections_proven, 4U);
}

TEST_F(LoadRunTest, ARefusalIsNamedWithItsTarget) {
  serve();
  static_cast<void>(server->signal(SIGKILL));
  static_cast<void>(server->wait());
  server.reset();
  const RunOutcome outcome = run(2);
  EXPECT_EQ(outcome.stopped_by, "connect failed");
  ASSERT_EQ(outcome.failures.size(), 1U);
  EXPECT_THAT(outcome.failures[0], testing::HasSubstr(settings.target_names[0]));
  EXPECT_THAT(outcome.failures[0], testing::HasSubstr("ECONNREFUSED"));
  EXPECT_THAT(outcome.failures[0], testing::HasSubstr("0 of 6 connections"));
  EXPECT_EQ(outcome.results.size(), 2U);
}

TEST_F(LoadRunTest, ALostTargetEndsTheRun) {
  serve(20);
  settings.duration_ns = 60 * os::ns_per_s;
  const RunOutcome outcome = run(2);
  EXPECT_EQ(outcome.stopped_by, "target lost");
  EXPECT_EQ(outcome.failures.size(), 1U);
  const auto document = merge_outcome(settings, {}, outcome);
  EXPECT_EQ(document.connections_at_end, 0U);
  EXPECT_LT(document.window.duration_s(), 60.0);
  const auto& counts = document.counts;
  EXPECT_EQ(counts.planned, counts.sent + counts.unsent);
  EXPECT_EQ(counts.sent, counts.answered + counts.lost + counts.in_flight_at_end);
}

TEST_F(LoadRunTest, ASignalKeepsWhatWasMeasured) {
  serve();
  settings.duration_ns = 60 * os::ns_per_s;
  settings.connections = 1;
  const int supervisor = ::getpid();
  auto killer = os::fork_child([supervisor] {
    ::usleep(400'000);
    ::kill(supervisor, SIGTERM);
    return 0;
  });
  ASSERT_TRUE(killer);
  const RunOutcome outcome = run(1);
  EXPECT_TRUE(killer->wait());
  EXPECT_EQ(outcome.stopped_by, "SIGTERM");
  EXPECT_EQ(outcome.signal_number, SIGTERM);
  ASSERT_EQ(outcome.results.size(), 1U);
  const auto& counts = outcome.results[0].counts;
  EXPECT_GT(counts.answered, 0U);
  const os::Nanoseconds length_ns = outcome.window.end_ns - outcome.window.start_ns;
  EXPECT_EQ(counts.planned,
            count_arrivals(settings.plan(), settings.warmup_ns, settings.warmup_ns + length_ns))
      << "the plan is counted up to the stop";
}

}  // namespace
}  // namespace c1m::loadgen
