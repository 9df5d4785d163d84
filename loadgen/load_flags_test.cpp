// Flags give the settings they say; every mistake is one sentence with the flag and the value.
#include "loadgen/load_flags.hpp"

#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace c1m::loadgen {
namespace {

using testing::AllOf;
using testing::HasSubstr;

std::expected<LoadSettings, NothingToRun> parse(std::vector<const char*> flags) {
  flags.insert(flags.begin(), "c1m-load");
  return parse_load_flags(static_cast<int>(flags.size()), flags.data());
}

LoadSettings settings_of(std::vector<const char*> flags) {
  flags.insert(flags.begin(), {"--target", "127.0.0.1:7000"});
  const auto settings = parse(std::move(flags));
  EXPECT_TRUE(settings) << settings.error().text;
  return settings.value_or(LoadSettings{});
}

std::string mistake_of(std::vector<const char*> flags) {
  flags.insert(flags.begin(), {"--target", "127.0.0.1:7000"});
  const auto settings = parse(std::move(flags));
  EXPECT_FALSE(settings);
  if (settings) return {};
  EXPECT_TRUE(settings.error().is_mistake);
  return settings.error().text;
}

TEST(LoadFlags, DefaultsAreAClosedLoop) {
  const LoadSettings settings = settings_of({});
  EXPECT_EQ(settings.mode, LoadMode::closed);
  EXPECT_EQ(settings.connections, 100U);
  EXPECT_EQ(settings.duration_ns, 30 * os::ns_per_s);
  EXPECT_EQ(settings.warmup_ns, 2 * os::ns_per_s);
  EXPECT_EQ(settings.message_bytes, 64U);
  EXPECT_EQ(settings.shards, std::nullopt);
  EXPECT_FALSE(settings.strict);
}

TEST(LoadFlags, PausesHaveAFileAndAThreshold) {
  EXPECT_TRUE(settings_of({}).pauses.path.empty());
  const LoadSettings settings = settings_of({"--pauses", "p.json", "--pause-threshold", "5ms"});
  EXPECT_EQ(settings.pauses.path, "p.json");
  EXPECT_EQ(settings.pauses.tick_ns, 5 * os::ns_per_ms);
  EXPECT_THAT(mistake_of({"--pause-threshold", "5ms"}), HasSubstr("without --pauses"));
  EXPECT_THAT(mistake_of({"--pauses", "p.json", "--pause-threshold", "2s"}),
              AllOf(HasSubstr("--pause-threshold"), HasSubstr("2s"), HasSubstr("1 ms to 1 s")));
  EXPECT_THAT(mistake_of({"--pauses", "p.json", "--search", "p99<10ms"}), HasSubstr("--pauses"));
}

TEST(LoadFlags, UnkindClientsStandBesideTheLoad) {
  EXPECT_EQ(settings_of({}).sockets(), 100U);
  const LoadSettings settings = settings_of(
      {"--half-open", "3", "--slow", "2:4B/s", "--lifetime", "exp:1s", "--reset", "25%"});
  EXPECT_EQ(settings.sockets(), 105U);
  EXPECT_EQ(settings.unkind.half_open, 3U);
  EXPECT_EQ(settings.unkind.byte_interval_ns, os::ns_per_s / 4);
  EXPECT_EQ(settings.lifetime.reset_share, 0.25);
  EXPECT_THAT(mistake_of({"--reset", "25%"}), HasSubstr("--reset: needs --lifetime"));
  EXPECT_THAT(mistake_of({"--lifetime", "exp:1s", "--reset", "25%", "-s", "1"}),
              HasSubstr("--reset: needs requests of 2 bytes or more"));
  EXPECT_THAT(mistake_of({"--idle", "--until-refused", "--half-open", "3"}),
              HasSubstr("--until-refused: cannot be together with --half-open or --slow"));
  const auto calibrating = parse({"--calibrate", "--slow", "3"});
  ASSERT_FALSE(calibrating);
  EXPECT_THAT(calibrating.error().text, HasSubstr("together with --half-open or --slow"));
}

TEST(LoadFlags, ARateMakesAnOpenLoop) {
  const LoadSettings settings = settings_of({"-R",        "12.5",
                                             "-c",        "3",
                                             "-d",        "250ms",
                                             "-s",        "4KiB",
                                             "--arrival", "uniform",
                                             "--seed",    "18446744073709551615",
                                             "--shards",  "2",
                                             "--strict",  "--connect-rate",
                                             "0",         "--max-send-lag-p99",
                                             "5ms",       "--format",
                                             "json",      "--progress",
                                             "never"});
  EXPECT_EQ(settings.mode, LoadMode::open);
  EXPECT_EQ(settings.schedule.rate, (RateProfile{.then_per_s = 12.5}));
  EXPECT_EQ(settings.connections, 3U);
  EXPECT_EQ(settings.duration_ns, 250 * os::ns_per_ms);
  EXPECT_EQ(settings.message_bytes, 4'096U);
  EXPECT_EQ(settings.schedule.process, ArrivalProcess::uniform);
  EXPECT_EQ(settings.seed, UINT64_MAX);
  EXPECT_EQ(settings.shards, 2U);
  EXPECT_TRUE(settings.strict);
  EXPECT_EQ(settings.connect_rate_per_s, 0);
  EXPECT_EQ(settings.send_lag_p99_max_ns, 5 * os::ns_per_ms);
  EXPECT_EQ(settings.format, OutputFormat::json);
  EXPECT_EQ(settings.progress, ProgressKind::never);
}

TEST(LoadFlags, ReadHowExactlyRequestsAreSent) {
  EXPECT_EQ(settings_of({"-R", "5", "--send-slack", "200us"}).precision.slack_ns,
            200 * os::ns_per_us);
  EXPECT_EQ(settings_of({"--spin", "30us"}).precision.spin_ns, 30 * os::ns_per_us);
}

TEST(LoadFlags, IdleHasNoRateAndNoWarmUp) {
  EXPECT_EQ(settings_of({"--idle"}).mode, LoadMode::idle);
  EXPECT_EQ(settings_of({"--idle"}).warmup_ns, 0);
  EXPECT_THAT(mistake_of({"--idle", "-R", "5"}), HasSubstr("--idle"));
  EXPECT_EQ(settings_of({}).hold_ns, 0);
  EXPECT_EQ(settings_of({"-R", "5", "--hold", "3s"}).hold_ns, 3 * os::ns_per_s);
  EXPECT_THAT(mistake_of({"--idle", "--hold", "3s"}), HasSubstr("--hold"));
}

TEST(LoadFlags, OutputGoesWhereItIsAsked) {
  const LoadSettings settings =
      settings_of({"--format", "csv", "--hgrm", "a.hgrm", "--hdr-log", "b.hlog", "--out", "c"});
  EXPECT_EQ(settings.format, OutputFormat::csv);
  EXPECT_EQ(settings.hgrm_path, "a.hgrm");
  EXPECT_EQ(settings.hdr_log_path, "b.hlog");
  EXPECT_EQ(settings.out_path, "c");
}

TEST(LoadFlags, ASearchIsAnOpenLoopOfShortRuns) {
  const LoadSettings settings =
      settings_of({"--search", "p99.9<10ms", "--search-rates", "200:9000", "--search-resolution",
                   "2%", "--search-confidence", "99%", "--search-steps", "40"});
  ASSERT_TRUE(settings.search);
  EXPECT_EQ(settings.mode, LoadMode::open);
  EXPECT_EQ(settings.pipeline, 0U);
  EXPECT_EQ(settings.duration_ns, 3 * os::ns_per_s);
  EXPECT_EQ(settings.warmup_ns, os::ns_per_s);
  EXPECT_EQ(settings.search->objective.text, "p99.9<10ms");
  EXPECT_EQ(settings.search->plan.from_rps, 200);
  EXPECT_EQ(settings.search->plan.to_rps, 9'000);
  EXPECT_DOUBLE_EQ(settings.search->plan.resolution, 0.02);
  EXPECT_DOUBLE_EQ(settings.search->plan.confidence, 0.99);
  EXPECT_EQ(settings.search->plan.steps_max, 40U);
  EXPECT_EQ(settings_of({"--search", "p99<1s", "-d", "5s", "--warmup", "0s"}).duration_ns,
            5 * os::ns_per_s);
}

TEST(LoadFlags, ACalibrationBringsItsOwnTarget) {
  const auto settings = parse({"--calibrate", "--calibration-file", "x.json", "-c", "3"});
  ASSERT_TRUE(settings) << settings.error().text;
  EXPECT_TRUE(settings->calibrates);
  ASSERT_TRUE(settings->search);
  EXPECT_TRUE(settings->search->of_generator);
  EXPECT_EQ(settings->calibration_path, "x.json");
  EXPECT_EQ(settings->duration_ns, os::ns_per_s);
  EXPECT_THAT(mistake_of({"--calibrate"}), HasSubstr("--target")) << "given by mistake_of()";
  EXPECT_FALSE(parse({"--calibrate", "--search", "p99<1s"}));
  EXPECT_FALSE(parse({"--calibrate", "--lifetime", "exp:1s"}));
  EXPECT_FALSE(settings_of({"--search", "p99<1s"}).search->of_generator);
}

TEST(LoadFlags, TakesSeveralThresholds) {
  const LoadSettings settings =
      settings_of({"-R", "5", "--threshold", "p99<5ms", "--threshold", "send-lag-max < 1ms"});
  ASSERT_EQ(settings.thresholds.size(), 2U);
  EXPECT_EQ(settings.thresholds[0].text, "p99<5ms");
  EXPECT_EQ(settings.thresholds[1].text, "send-lag-max<1ms");
}

TEST(LoadFlags, TakesSeveralTargets) {
  const auto settings = parse({"--target", "127.0.0.1:7000,[::1]:7001"});
  ASSERT_TRUE(settings) << settings.error().text;
  ASSERT_EQ(settings->targets.size(), 2U);
  EXPECT_EQ(settings->targets[0].to_string(), "127.0.0.1:7000");
  EXPECT_EQ(settings->targets[1].to_string(), "[::1]:7001");
}

struct Mistake {
  std::vector<const char*> flags;
  const char* flag;
  const char* value;
};

class LoadFlagMistakes : public testing::TestWithParam<Mistake> {};

TEST_P(LoadFlagMistakes, NameTheFlagAndTheValue) {
  const Mistake& mistake = GetParam();
  EXPECT_THAT(mistake_of(mistake.flags), AllOf(HasSubstr(mistake.flag), HasSubstr(mistake.value)));
}

INSTANTIATE_TEST_SUITE_P(
    All, LoadFlagMistakes,
    testing::Values(
        Mistake{{"-c", "0"}, "--connections", "'0' is not a whole number from 1"},
        Mistake{{"-c", "-5"}, "--connections", "'-5'"},
        Mistake{{"-c", "5x"}, "--connections", "'5x'"}, Mistake{{"-R", "0"}, "--rate", "'0'"},
        Mistake{{"-R", "-1"}, "--rate", "'-1'"}, Mistake{{"-R", "nan"}, "--rate", "'nan'"},
        Mistake{{"-R", "1e10"}, "--rate", "'1e10'"}, Mistake{{"-s", "0"}, "--message-size", "'0'"},
        Mistake{{"-s", "65MiB"}, "--message-size", "'65MiB'"},
        Mistake{{"-d", "0s"}, "--duration", "'0s'"}, Mistake{{"-d", "ten"}, "--duration", "ten"},
        Mistake{{"-d", "200h"}, "--duration", "'200h'"},
        Mistake{{"--timeout", "0s"}, "--timeout", "'0s'"},
        Mistake{{"--send-slack", "200us"}, "--send-slack", "(-R)"},
        Mistake{{"--send-slack", "200us", "--search", "p99<5ms"}, "--send-slack", "search"},
        Mistake{{"--send-slack", "200us", "-R", "5", "--max-send-lag-p99", "300us"},
                "--send-slack",
                "'200us'"},
        Mistake{{"--arrival", "sometimes"}, "--arrival", "poisson, uniform"},
        Mistake{{"--protocol", "ftp"}, "--protocol", "echo"},
        Mistake{{"--format", "xml"}, "--format", "text, json, csv"},
        Mistake{{"--progress", "maybe"}, "--progress", "auto, always, never"},
        Mistake{{"--shards", "none"}, "--shards", "'none'"},
        Mistake{{"--shards", "101"}, "--shards", "from 1 to 100"},
        Mistake{{"--cpus", "0-"}, "--cpus", "'0-'"},
        Mistake{{"--cpus", "8000"}, "--cpus", "'8000'"},
        Mistake{{"--sources", "here"}, "--sources", "'here'"},
        Mistake{{"--seed", "-1"}, "--seed", "'-1'"},
        Mistake{{"--max-in-flight", "0"}, "--max-in-flight", "'0'"},
        Mistake{{"--connect-rate", "-1"}, "--connect-rate", "'-1'"},
        Mistake{{"--threshold", "p99<5"}, "--threshold", "'p99<5'"},
        Mistake{{"--threshold", "p50<1s", "--threshold", "x<1s"}, "--threshold", "'x'"},
        Mistake{{"--threshold", "send-lag-p99<1ms"}, "--threshold", "open loop"},
        Mistake{{"--search", "p99"}, "--search", "'p99'"},
        Mistake{{"--search", "rate>5"}, "--search", "'rate>5'"},
        Mistake{{"--search", "p99>5ms"}, "--search", "'p99>5ms'"},
        Mistake{{"--search", "p99<5ms", "-R", "5"}, "--search", "-R"},
        Mistake{{"--search", "p99<5ms", "--idle"}, "--search", "--idle"},
        Mistake{{"--search", "p99<5ms", "--threshold", "p50<1s"}, "--search", "--threshold"},
        Mistake{{"--search", "p99<5ms", "--hgrm", "x"}, "--search", "--hgrm"},
        Mistake{{"--search", "p99<5ms", "--format", "csv"}, "--search", "--format csv"},
        Mistake{{"--search", "p99<5ms", "--search-rates", "5"}, "--search-rates", "'5'"},
        Mistake{{"--search", "p99<5ms", "--search-rates", "9:9"}, "--search-rates", "'9:9'"},
        Mistake{{"--search", "p99<5ms", "--search-resolution", "5"}, "--search-resolution", "'5'"},
        Mistake{{"--search", "p99<5ms", "--search-confidence", "100%"},
                "--search-confidence",
                "'100%'"},
        Mistake{{"--search", "p99<5ms", "--search-steps", "0"}, "--search-steps", "'0'"},
        Mistake{{"--metrics", "9100"}, "--metrics", "9100"},
        Mistake{{"--lifetime", "10s"}, "--lifetime", "'10s'"},
        Mistake{{"--no-such-flag"}, "--no-such-flag", ""}));

TEST(LoadFlags, RefusesTargetsThatAreNone) {
  EXPECT_THAT(parse({}).error().text, HasSubstr("--target"));
  EXPECT_THAT(parse({"--target", "7000"}).error().text, HasSubstr("HOST:PORT"));
  EXPECT_THAT(parse({"--target", "127.0.0.1:0"}).error().text, HasSubstr("from 1 to 65535"));
  EXPECT_THAT(parse({"--target", "[::1]:7000", "--sources", "10.0.0.1"}).error().text,
              HasSubstr("IPv6"));
}

TEST(LoadFlags, HelpAndVersionAreNoMistakes) {
  for (const char* flag : {"--help", "--version"}) {
    const auto settings = parse({flag});
    ASSERT_FALSE(settings);
    EXPECT_FALSE(settings.error().is_mistake);
    EXPECT_THAT(settings.error().text, HasSubstr("c1m-load"));
  }
}

}  // namespace
}  // namespace c1m::loadgen
