// The schedule's flags give the plan that they describe; mistakes name the flag and the value.
#include "loadgen/schedule_flags.hpp"

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace c1m::loadgen {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr os::Nanoseconds s = os::ns_per_s;

Schedule schedule_of(const ScheduleTexts& texts) {
  FlagReader reader;
  Schedule schedule = read_schedule(reader, texts, 10, 2 * s, 9 * s);
  EXPECT_EQ(reader.mistake(), "");
  return schedule;
}

std::string mistake_of(const ScheduleTexts& texts) {
  FlagReader reader;
  read_schedule(reader, texts, 10, 2 * s, 9 * s);
  return reader.mistake();
}

TEST(ScheduleFlags, ARampFillsTheWindowAndTheWarmUpRunsAtItsBeginning) {
  const Schedule schedule = schedule_of({.ramp = "10:100"});
  EXPECT_THAT(schedule.rate.segments,
              ElementsAre(RateSegment{2 * s, 10, 10}, RateSegment{9 * s, 10, 100}));
  EXPECT_EQ(schedule.rate.then_per_s, 100);
  EXPECT_DOUBLE_EQ(schedule.expected_arrivals(2 * s), 20);
  EXPECT_DOUBLE_EQ(schedule.expected_arrivals(11 * s), 20 + 495);
}

TEST(ScheduleFlags, StepsShareTheWindow) {
  const Schedule schedule = schedule_of({.steps = "10,0,40"});
  EXPECT_THAT(schedule.rate.segments,
              ElementsAre(RateSegment{2 * s, 10, 10}, RateSegment{3 * s, 10, 10},
                          RateSegment{3 * s, 0, 0}, RateSegment{3 * s, 40, 40}));
}

TEST(ScheduleFlags, BurstsKeepTheMeanRate) {
  const Schedule schedule = schedule_of({.rate = "100", .burst = "250ms/750ms"});
  EXPECT_TRUE(schedule.rate.repeats);
  EXPECT_THAT(schedule.rate.segments,
              ElementsAre(RateSegment{s / 4, 400, 400}, RateSegment{3 * s / 4, 0, 0}));
  EXPECT_DOUBLE_EQ(schedule.expected_arrivals(9 * s), 900);
}

TEST(ScheduleFlags, ChoicesOfConnections) {
  EXPECT_EQ(schedule_of({.rate = "1", .choice = "uniform"}).choice, ConnectionChoice{});
  EXPECT_EQ(schedule_of({.rate = "1", .choice = "zipf:1.1"}).choice,
            (ConnectionChoice{.kind = ChoiceKind::zipf, .exponent = 1.1}));
  EXPECT_EQ(schedule_of({.rate = "1", .choice = "active:7"}).choice,
            (ConnectionChoice{.kind = ChoiceKind::active, .active = 7}));
}

TEST(ScheduleFlags, ATraceIsReadFromItsFile) {
  const auto path =
      std::filesystem::temp_directory_path() / ("c1m_trace_" + std::to_string(::getpid()) + ".csv");
  std::ofstream(path) << "0.5,9\n1\n";
  const Schedule schedule = schedule_of({.trace = path.string()});
  EXPECT_EQ(schedule.process, ArrivalProcess::trace);
  EXPECT_EQ(schedule.trace.size(), 2U);
  EXPECT_EQ(schedule.expected_arrivals(s), 1);
  EXPECT_EQ(schedule.expected_arrivals(s + 1), 2);
  std::ofstream(path) << "0.5,10\n";
  EXPECT_THAT(mistake_of({.trace = path.string()}),
              AllOf(HasSubstr("--trace"), HasSubstr(path.string()), HasSubstr("line 1")));
  std::filesystem::remove(path);
  EXPECT_THAT(mistake_of({.trace = path.string()}),
              AllOf(HasSubstr("--trace"), HasSubstr(path.string()), HasSubstr("ENOENT")));
}

struct Mistake {
  ScheduleTexts texts;
  const char* flag;
  const char* what;
};

class ScheduleMistakes : public testing::TestWithParam<Mistake> {};

TEST_P(ScheduleMistakes, NameTheFlagAndTheValue) {
  EXPECT_THAT(mistake_of(GetParam().texts),
              AllOf(HasSubstr(GetParam().flag), HasSubstr(GetParam().what)));
}

INSTANTIATE_TEST_SUITE_P(
    All, ScheduleMistakes,
    testing::Values(Mistake{{.ramp = "10"}, "--ramp", "FROM:TO"},
                    Mistake{{.ramp = "10:x"}, "--ramp", "'x'"},
                    Mistake{{.ramp = "0:0"}, "--ramp", "no rate above 0"},
                    Mistake{{.ramp = "1:-2"}, "--ramp", "'-2'"},
                    Mistake{{.steps = "1,,2"}, "--steps", "''"},
                    Mistake{{.steps = "0,0"}, "--steps", "no rate above 0"},
                    Mistake{{.rate = "5", .steps = "1,2"}, "--steps", "together with -R,--rate"},
                    Mistake{{.ramp = "1:2", .trace = "x"}, "--trace", "together with --ramp"},
                    Mistake{{.burst = "1s/1s"}, "--burst", "-R"},
                    Mistake{{.rate = "5", .burst = "1s"}, "--burst", "ON/OFF"},
                    Mistake{{.rate = "5", .burst = "1s/0s"}, "--burst", "'0s'"},
                    Mistake{{.rate = "5", .choice = "zipf:0"}, "--choose", "'0'"},
                    Mistake{{.rate = "5", .choice = "zipf:11"}, "--choose", "10"},
                    Mistake{{.rate = "5", .choice = "active:11"}, "--choose", "from 1 to 10"},
                    Mistake{{.rate = "5", .choice = "some"}, "--choose", "'some'"}));

}  // namespace
}  // namespace c1m::loadgen
