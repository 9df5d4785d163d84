// Every request is counted once, whatever happens to it; times go to the right histogram; and a
// queue simulated in virtual time gives back what queueing theory says of it.
#include "loadgen/accounting.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "loadgen/arrival_plan.hpp"
#include "loadgen/xoshiro.hpp"
#include "measure/histogram_codec.hpp"
#include "os/clock.hpp"

namespace c1m::loadgen {
namespace {

constexpr os::Nanoseconds ms = os::ns_per_ms;
constexpr measure::LoadWindow window{.start_ns = 1'000 * ms, .end_ns = 3'000 * ms};
constexpr os::Nanoseconds timeout_ns = 500 * ms;

measure::LoadShardResult result_of(Accounting& accounting) {
  measure::LoadShardResult result;
  accounting.write_to(result);
  return result;
}

Accounting open_loop() {
  Accounting accounting(LoopKind::open, timeout_ns);
  accounting.open_window(window);
  return accounting;
}

// Plans, sends and answers one request.
void exchange(Accounting& accounting, os::Nanoseconds intended_ns, os::Nanoseconds sent_ns,
              os::Nanoseconds answered_ns, bool corrupt = false) {
  const Request request{.intended_ns = intended_ns, .sent_ns = sent_ns};
  accounting.on_planned(intended_ns, sent_ns);
  accounting.on_sent(request, request.intended_ns);
  accounting.on_answered(request, answered_ns, corrupt);
}

void expect_sums(const measure::RequestCounts& counts) {
  EXPECT_EQ(counts.planned, counts.sent + counts.unsent);
  EXPECT_EQ(counts.sent, counts.answered + counts.lost + counts.in_flight_at_end);
  EXPECT_LE(counts.corrupt, counts.answered);
  EXPECT_LE(counts.late, counts.answered);
}

TEST(Accounting, TimesFromTheIntendedMoment) {
  Accounting accounting = open_loop();
  exchange(accounting, 1'500 * ms, 1'520 * ms, 1'620 * ms);
  const auto result = result_of(accounting);
  ASSERT_EQ(result.response_ns.count(), 1U);
  EXPECT_EQ(result.response_ns.count_at_value(120 * ms), 1U);
  EXPECT_EQ(result.service_ns.count_at_value(100 * ms), 1U);
  EXPECT_EQ(result.send_lag_ns.count_at_value(20 * ms), 1U);
}

TEST(Accounting, AKernelTimestampCutsTheServiceTimeInTwo) {
  Accounting accounting = open_loop();
  const Request request{.intended_ns = 1'500 * ms, .sent_ns = 1'510 * ms};
  accounting.on_kernel_delay(request, 1'610 * ms, 30 * ms);
  accounting.on_kernel_delay(request, 1'610 * ms, -1);
  accounting.on_kernel_delay(request, 1'610 * ms, 3'600'000 * ms);
  const Request before{.intended_ns = 900 * ms, .sent_ns = 900 * ms};
  accounting.on_kernel_delay(before, 901 * ms, 0);
  const auto result = result_of(accounting);
  EXPECT_EQ(result.receive_delay_ns.count(), 3U) << "the window's only";
  EXPECT_EQ(result.receive_delay_ns.count_at_value(30 * ms), 1U);
  EXPECT_EQ(result.network_ns.count_at_value(70 * ms), 1U);
  EXPECT_EQ(result.network_ns.count_at_value(100 * ms), 1U) << "a clock set back delays nothing";
  EXPECT_EQ(result.network_ns.count_at_value(0), 1U) << "nor is a part longer than the whole";
}

TEST(Accounting, ClosedLoopHasServiceTimesOnly) {
  Accounting accounting(LoopKind::closed, timeout_ns);
  accounting.open_window(window);
  exchange(accounting, 1'500 * ms, 1'500 * ms, 1'510 * ms);
  const auto result = result_of(accounting);
  EXPECT_TRUE(result.response_ns.empty());
  EXPECT_TRUE(result.send_lag_ns.empty());
  EXPECT_EQ(result.service_ns.count_at_value(10 * ms), 1U);
}

TEST(Accounting, ShowsARunningTestWhateverThePhase) {
  measure::LiveHistogram latency;
  measure::LiveHistogram send_lag;
  Accounting accounting = open_loop();
  accounting.show_in(latency, send_lag);
  exchange(accounting, 500 * ms, 520 * ms, 620 * ms);
  exchange(accounting, 1'500 * ms, 1'500 * ms, 1'501 * ms, true);
  measure::LiveCounts seen;
  latency.add_to(seen);
  EXPECT_EQ(seen.sum_ns, static_cast<std::uint64_t>(121 * ms));
  EXPECT_EQ(seen.total(), 2U);
  measure::LiveCounts lags;
  send_lag.add_to(lags);
  EXPECT_EQ(lags.sum_ns, static_cast<std::uint64_t>(20 * ms));
  EXPECT_EQ(accounting.errors_total(), 1U);
}

TEST(Accounting, PhaseFollowsTheIntendedTime) {
  Accounting accounting = open_loop();
  exchange(accounting, window.start_ns - 1, window.start_ns + ms, window.start_ns + 2 * ms);
  exchange(accounting, window.start_ns, window.start_ns + 3 * ms, window.start_ns + 4 * ms);
  exchange(accounting, window.end_ns - 1, window.end_ns + ms, window.end_ns + 2 * ms);
  const auto result = result_of(accounting);
  EXPECT_EQ(result.warmup_counts.answered, 1U);
  EXPECT_EQ(result.counts.answered, 2U);
  EXPECT_EQ(result.response_ns.count(), 2U);
  EXPECT_EQ(result.sent_in_window, 1U) << "the last one left after the window's end";
  EXPECT_EQ(result.answers_in_window, 2U) << "of the warm-up's request and of the first";
}

TEST(Accounting, LateIsCountedAndKeepsItsLatency) {
  Accounting accounting = open_loop();
  exchange(accounting, 1'500 * ms, 1'500 * ms, 1'500 * ms + timeout_ns);
  exchange(accounting, 1'500 * ms, 1'500 * ms, 1'500 * ms + timeout_ns + 1);
  const auto result = result_of(accounting);
  EXPECT_EQ(result.counts.late, 1U);
  EXPECT_EQ(result.counts.answered, 2U);
  EXPECT_EQ(result.response_ns.count(), 2U);
}

TEST(Accounting, ATimedOutRequestCountsAtTheTimeThatItHasWaited) {
  Accounting accounting = open_loop();
  const Request request{.intended_ns = 1'500 * ms, .sent_ns = 1'510 * ms};
  for (int count = 0; count < 2; ++count) {
    accounting.on_planned(1'500 * ms, 1'510 * ms);
    accounting.on_sent(request, request.intended_ns);
  }
  accounting.on_in_flight_at_end(request, 1'500 * ms + timeout_ns - 1);
  accounting.on_in_flight_at_end(request, 1'500 * ms + timeout_ns);
  const auto result = result_of(accounting);
  EXPECT_EQ(result.counts.in_flight_at_end, 2U);
  EXPECT_EQ(result.counts.timed_out, 1U) << "the other had not waited long enough to say";
  EXPECT_EQ(result.counts.answered, 0U);
  EXPECT_EQ(result.response_ns.count(), 1U);
  EXPECT_EQ(result.response_ns.count_at_value(timeout_ns), 1U);
  EXPECT_EQ(result.service_ns.count_at_value(timeout_ns - 10 * ms), 1U);
  ASSERT_EQ(result.timeline.size(), 1U);
  EXPECT_EQ(result.timeline[0].answered, 0U);
  EXPECT_EQ(measure::decode_v2_base64(result.timeline[0].latency_hdr_v2_b64)->count(), 1U);
}

TEST(Accounting, CutWindowKeepsWhatIsPlanned) {
  Accounting accounting = open_loop();
  exchange(accounting, 2'000 * ms, 2'000 * ms, 2'001 * ms);
  accounting.cut_window(1'500 * ms);
  EXPECT_EQ(accounting.window().end_ns, 2'000 * ms + 1);
  accounting.cut_window(2'900 * ms);
  EXPECT_EQ(accounting.window().end_ns, 2'000 * ms + 1) << "a window never grows";
  EXPECT_EQ(result_of(accounting).counts.answered, 1U);
}

TEST(Accounting, CutBeforeTheWindowLeavesItEmpty) {
  Accounting accounting = open_loop();
  accounting.cut_window(200 * ms);
  EXPECT_EQ(accounting.window().end_ns, window.start_ns);
}

// A request in one of the states that it can be in, for the random walk below.
struct Walker {
  Request request;
  enum class State { planned, sent, settled } state = State::planned;
};

// Plans requests and lets each one take any way it can, in any order.
class RandomWalk {
 public:
  explicit RandomWalk(std::uint64_t seed) : random_(seed) { accounting_.open_window(window); }

  measure::LoadShardResult run() {
    for (int step = 0; step < 20'000; ++step) {
      now_ns_ += static_cast<os::Nanoseconds>(random_.next_below(200'000));
      if (now_ns_ < window.end_ns && random_.next_below(3) == 0) plan();
      if (!walkers_.empty()) advance(walkers_[random_.next_below(size())]);
      std::erase_if(walkers_, [](const Walker& at) { return at.state == Walker::State::settled; });
    }
    for (const Walker& walker : walkers_) end(walker);
    return result_of(accounting_);
  }
  [[nodiscard]] std::uint64_t planned() const { return planned_; }

 private:
  [[nodiscard]] std::uint32_t size() const { return static_cast<std::uint32_t>(walkers_.size()); }

  void plan() {
    ++planned_;
    accounting_.on_planned(now_ns_, now_ns_);
    walkers_.push_back({.request = {.intended_ns = now_ns_}});
  }

  void advance(Walker& walker) {
    if (walker.state == Walker::State::planned) {
      if (random_.next_below(10) == 0) {
        accounting_.on_unsent(walker.request.intended_ns, now_ns_);
        walker.state = Walker::State::settled;
        return;
      }
      walker.request.sent_ns = now_ns_;
      accounting_.on_sent(walker.request, walker.request.intended_ns);
      walker.state = Walker::State::sent;
      return;
    }
    if (random_.next_below(10) == 0) {
      accounting_.on_lost(walker.request, now_ns_);
    } else {
      accounting_.on_answered(walker.request, now_ns_, random_.next_below(10) == 0);
    }
    walker.state = Walker::State::settled;
  }

  void end(const Walker& walker) {
    if (walker.state == Walker::State::planned) {
      accounting_.on_unsent(walker.request.intended_ns, now_ns_);
    } else {
      accounting_.on_in_flight_at_end(walker.request, now_ns_);
    }
  }

  Xoshiro256 random_;
  Accounting accounting_{LoopKind::open, timeout_ns};
  os::Nanoseconds now_ns_ = 0;
  std::uint64_t planned_ = 0;
  std::vector<Walker> walkers_;
};

class AccountingIdentities : public testing::TestWithParam<std::uint64_t> {};

TEST_P(AccountingIdentities, HoldInAnyOrderOfEvents) {
  RandomWalk walk(GetParam());
  const auto result = walk.run();
  expect_sums(result.counts);
  expect_sums(result.warmup_counts);
  EXPECT_EQ(result.counts.planned + result.warmup_counts.planned, walk.planned());
  EXPECT_GT(result.counts.unsent, 0U);
  EXPECT_GT(result.counts.lost, 0U);
  EXPECT_GT(result.counts.corrupt, 0U);
  EXPECT_EQ(result.response_ns.count(), result.counts.answered + result.counts.timed_out);
  EXPECT_EQ(result.send_lag_ns.count(), result.counts.sent);
  std::uint64_t answered = 0;
  for (const auto& second : result.timeline) answered += second.answered;
  EXPECT_EQ(answered, result.counts.answered);
}

INSTANTIATE_TEST_SUITE_P(Seeds, AccountingIdentities, testing::Range<std::uint64_t>(0, 20));

// M/D/1 in virtual time: the plan's Poisson arrivals, one server, a fixed service time. The
// Pollaczek-Khinchine formula gives the mean wait rho * S / (2 * (1 - rho)).
struct QueueFigures {
  double response_mean_s = 0;
  double in_flight_mean = 0;
  double rate_per_s = 0;
};

QueueFigures simulate_md1(double utilization, os::Nanoseconds service_ns) {
  const double rate_per_s = utilization * 1e9 / static_cast<double>(service_ns);
  const PlanParameters parameters{.process = ArrivalProcess::poisson,
                                  .rate = {.then_per_s = rate_per_s},
                                  .connections = 10,
                                  .seed = 2};
  // Requests by the time of each event: the queue is first in, first out.
  struct Event {
    os::Nanoseconds time_ns;
    bool is_answer;
    Request request;
  };
  const measure::LoadWindow all{.start_ns = 0, .end_ns = 60 * os::ns_per_s};
  std::vector<Event> events;
  os::Nanoseconds free_ns = 0;
  for (ShardPlan plan(parameters, {.first = 0, .count = 10}, all.end_ns); plan.peek(); plan.pop()) {
    const os::Nanoseconds arrival_ns = plan.peek()->offset_ns;
    const Request request{.intended_ns = arrival_ns, .sent_ns = arrival_ns};
    free_ns = std::max(free_ns, arrival_ns) + service_ns;
    events.push_back({arrival_ns, false, request});
    events.push_back({free_ns, true, request});
  }
  std::ranges::sort(events, {}, &Event::time_ns);
  os::ManualClock clock;
  Accounting accounting(LoopKind::open, timeout_ns);
  accounting.open_window(all);
  for (const Event& event : events) {
    clock.advance(event.time_ns - clock.now_ns());
    if (event.is_answer) {
      accounting.on_answered(event.request, clock.now_ns(), false);
    } else {
      accounting.on_planned(event.time_ns, clock.now_ns());
      accounting.on_sent(event.request, event.request.intended_ns);
    }
  }
  const auto result = result_of(accounting);
  return {.response_mean_s = result.response_ns.mean() / 1e9,
          .in_flight_mean = result.in_flight_request_s / all.duration_s(),
          .rate_per_s = static_cast<double>(result.counts.answered) / all.duration_s()};
}

class Md1Queue : public testing::TestWithParam<double> {};

TEST_P(Md1Queue, GivesTheWaitOfTheFormulaAndLittlesLaw) {
  const double utilization = GetParam();
  constexpr os::Nanoseconds service_ns = 100'000;
  const QueueFigures figures = simulate_md1(utilization, service_ns);
  const double service_s = static_cast<double>(service_ns) / 1e9;
  const double wait_s = utilization * service_s / (2 * (1 - utilization));
  EXPECT_NEAR(figures.response_mean_s, service_s + wait_s, 0.02 * (service_s + wait_s));
  const double expected = figures.rate_per_s * figures.response_mean_s;
  EXPECT_NEAR(figures.in_flight_mean, expected, 0.002 * expected);
}

INSTANTIATE_TEST_SUITE_P(Utilizations, Md1Queue, testing::Values(0.1, 0.5, 0.8));

// The clock is read after the moment at which a request was meant to be sent; the time until then
// counts as time in flight.
TEST(InFlightArea, CountsFromTheIntendedTime) {
  InFlightArea area;
  area.enter(100 * ms, 150 * ms);
  area.enter(160 * ms, 160 * ms);
  area.leave(200 * ms);
  area.leave(260 * ms);
  EXPECT_DOUBLE_EQ(area.request_s(), 0.100 + 0.100);
}

}  // namespace
}  // namespace c1m::loadgen
