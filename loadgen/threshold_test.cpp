// A threshold says what the user wrote, is judged on the figure it names, and is never kept by a
// figure that was not measured.
#include "loadgen/threshold.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace c1m::loadgen {
namespace {

using testing::HasSubstr;

measure::LoadDocument open_run() {
  measure::LoadDocument document;
  document.mode = "open";
  document.window = {.start_ns = 0, .end_ns = os::ns_per_s};
  document.rate_achieved_rps = 990;
  document.counts = {.planned = 1'000,
                     .sent = 999,
                     .unsent = 1,
                     .answered = 994,
                     .lost = 2,
                     .in_flight_at_end = 3,
                     .corrupt = 4};
  document.response_ns.emplace().record(2'000'000, 98);
  document.response_ns->record(9'000'000, 2);
  document.service_ns.record(1'000'000);
  document.send_lag_ns.emplace().record(50'000);
  return document;
}

measure::ThresholdVerdict verdict(const char* text, const measure::LoadDocument& document) {
  const auto threshold = parse_threshold(text);
  EXPECT_TRUE(threshold) << threshold.error();
  return judge(threshold.value_or(Threshold{}), document);
}

struct Judged {
  const char* text;
  double value;
  double bound;
  const char* unit;
  bool ok;
};

class ThresholdJudged : public testing::TestWithParam<Judged> {};

TEST_P(ThresholdJudged, OnItsFigureInItsUnit) {
  const Judged& expected = GetParam();
  const auto found = verdict(expected.text, open_run());
  ASSERT_TRUE(found.value);
  EXPECT_NEAR(*found.value, expected.value, expected.value * 0.001);
  EXPECT_DOUBLE_EQ(found.bound, expected.bound);
  EXPECT_EQ(found.unit, expected.unit);
  EXPECT_EQ(found.ok, expected.ok);
  EXPECT_EQ(found.text, expected.text);
}

INSTANTIATE_TEST_SUITE_P(All, ThresholdJudged,
                         testing::Values(Judged{"p50<5ms", 2'000, 5'000, "us", true},
                                         Judged{"p98<5ms", 2'000, 5'000, "us", true},
                                         Judged{"p99<5ms", 9'000, 5'000, "us", false},
                                         Judged{"p99>5ms", 9'000, 5'000, "us", true},
                                         Judged{"p99.999<9.5ms", 9'000, 9'500, "us", true},
                                         Judged{"max<=9.5ms", 9'000, 9'500, "us", true},
                                         Judged{"mean<2500us", 2'140, 2'500, "us", true},
                                         Judged{"service-p99<500us", 1'000, 500, "us", false},
                                         Judged{"send-lag-p99<100us", 50, 100, "us", true},
                                         Judged{"send-lag-max<10us", 50, 10, "us", false},
                                         Judged{"rate>=990", 990, 990, "requests/s", true},
                                         Judged{"rate>990", 990, 990, "requests/s", false},
                                         Judged{"lost<=2", 2, 2, "requests", true},
                                         Judged{"lost<2", 2, 2, "requests", false},
                                         Judged{"lost<0.3%", 0.002, 0.003, "fraction", true},
                                         Judged{"errors<=10", 10, 10, "requests", true},
                                         Judged{"errors<1%", 0.01, 0.01, "fraction", false}));

TEST(Threshold, AClosedLoopHasItsServiceTime) {
  auto document = open_run();
  document.response_ns.reset();
  document.send_lag_ns.reset();
  EXPECT_NEAR(verdict("p99<5ms", document).value.value_or(0), 1'000, 1);
  const auto unknown = verdict("send-lag-p99<1s", document);
  EXPECT_EQ(unknown.value, std::nullopt);
  EXPECT_FALSE(unknown.ok) << "what was not measured has not kept its bound";
}

TEST(Threshold, NothingMeasuredKeepsNothing) {
  const measure::LoadDocument empty;
  for (const char* text : {"p99<5ms", "max<1s", "rate>=0", "errors<=0", "lost<1%"}) {
    EXPECT_EQ(verdict(text, empty).value, std::nullopt) << text;
    EXPECT_FALSE(verdict(text, empty).ok) << text;
  }
}

TEST(Threshold, NoErrorIsCountedBeyondThePlanned) {
  EXPECT_EQ(count_errors({.planned = 5, .answered = 5, .corrupt = 5, .late = 5}), 5U);
}

TEST(Threshold, WhiteSpaceIsNoPartOfIt) {
  EXPECT_EQ(parse_threshold(" p99 <= 5ms ")->text, "p99<=5ms");
  EXPECT_EQ(parse_threshold("p99 <= 5ms")->comparison, Comparison::at_most);
}

struct Refused {
  const char* text;
  const char* reason;
};

class ThresholdRefused : public testing::TestWithParam<Refused> {};

TEST_P(ThresholdRefused, WithTheTextAndTheReason) {
  const auto threshold = parse_threshold(GetParam().text);
  ASSERT_FALSE(threshold) << threshold->text;
  EXPECT_THAT(threshold.error(), HasSubstr(GetParam().text));
  EXPECT_THAT(threshold.error(), HasSubstr(GetParam().reason));
}

INSTANTIATE_TEST_SUITE_P(
    All, ThresholdRefused,
    testing::Values(Refused{"", "has no <"}, Refused{"p99", "has no <"},
                    Refused{"p99=5ms", "has no <"}, Refused{"<5ms", "is not one of"},
                    Refused{"p0<5ms", "'p0'"}, Refused{"p100<5ms", "'p100'"},
                    Refused{"p-1<5ms", "'p-1'"}, Refused{"pnan<5ms", "'pnan'"},
                    Refused{"median<5ms", "'median'"}, Refused{"service-rate<5", "'service-rate'"},
                    Refused{"p99<", "duration"}, Refused{"p99<5", "duration"},
                    Refused{"p99<<5ms", "duration"}, Refused{"p99<5%", "duration"},
                    Refused{"rate>5ms", "number"}, Refused{"rate>10%", "number"},
                    Refused{"errors<-1", "number"}, Refused{"errors<inf", "number"},
                    Refused{"lost<%", "number"}));

}  // namespace
}  // namespace c1m::loadgen
