// Unkind clients are read as they are written; every mistake names the flag, the text and the
// range.
#include "loadgen/unkind_flags.hpp"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace c1m::loadgen {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr Lifetime lives{
    .kind = LifetimeKind::exponential, .least_ns = os::ns_per_s, .most_ns = os::ns_per_s};

UnkindSettings settings_of(const UnkindTexts& texts) {
  FlagReader reader;
  const UnkindSettings settings = read_unkind(reader, texts);
  EXPECT_EQ(reader.mistake(), "");
  return settings;
}

std::string mistake_of(const UnkindTexts& texts) {
  FlagReader reader;
  static_cast<void>(read_unkind(reader, texts));
  static_cast<void>(read_reset(reader, texts, lives));
  return reader.mistake();
}

TEST(UnkindFlags, NothingIsAskedForByDefault) {
  EXPECT_EQ(settings_of({}).clients(), 0U);
  EXPECT_FALSE(UnkindTexts{}.has_clients());
  FlagReader reader;
  EXPECT_EQ(read_reset(reader, {}, {}), 0);
  EXPECT_EQ(reader.mistake(), "");
}

TEST(UnkindFlags, CountsAndTheRateOfTheSlow) {
  const UnkindSettings settings = settings_of({.half_open = "40", .slow = "7", .reset = {}});
  EXPECT_EQ(settings.half_open, 40U);
  EXPECT_EQ(settings.slow, 7U);
  EXPECT_EQ(settings.clients(), 47U);
  EXPECT_EQ(settings.byte_interval_ns, os::ns_per_s);
  const auto interval_of = [](const char* text) {
    return settings_of({.half_open = {}, .slow = text, .reset = {}}).byte_interval_ns;
  };
  EXPECT_EQ(interval_of("1:0.5B/s"), 2 * os::ns_per_s);
  EXPECT_EQ(interval_of("1:1000B/s"), os::ns_per_ms);
  EXPECT_EQ(interval_of("1:0.001B/s"), 1'000 * os::ns_per_s);
}

TEST(UnkindFlags, AShareOfTheLivesEndsByAReset) {
  FlagReader reader;
  EXPECT_DOUBLE_EQ(read_reset(reader, {.half_open = {}, .slow = {}, .reset = "12.5%"}, lives),
                   0.125);
  EXPECT_EQ(read_reset(reader, {.half_open = {}, .slow = {}, .reset = "100%"}, lives), 1);
  EXPECT_EQ(reader.mistake(), "");
}

TEST(UnkindFlags, NamesWhatIsWrong) {
  EXPECT_THAT(mistake_of({.half_open = "many", .slow = {}, .reset = {}}),
              HasSubstr("--half-open: 'many' is not a whole number from 0 to 1073741824"));
  EXPECT_THAT(mistake_of({.half_open = {}, .slow = "-1", .reset = {}}),
              HasSubstr("--slow: '-1' is not a whole number from 0 to 1073741824"));
  for (const char* rate : {"5", "10001B/s", "0.0001B/s", "0B/s", "fastB/s", "1KB/s", ""}) {
    const std::string text = std::string("5:") + rate;
    EXPECT_THAT(
        mistake_of({.half_open = {}, .slow = text, .reset = {}}),
        AllOf(HasSubstr("--slow: '"), HasSubstr(rate), HasSubstr("from 0.001B/s to 10000B/s")))
        << rate;
  }
  for (const char* share : {"0.1", "101%", "-1%", "half%", "nan%"}) {
    EXPECT_THAT(mistake_of({.half_open = {}, .slow = {}, .reset = share}),
                AllOf(HasSubstr("--reset"), HasSubstr(share), HasSubstr("from 0% to 100%")))
        << share;
  }
}

TEST(UnkindFlags, AResetIsTheEndOfALife) {
  FlagReader reader;
  static_cast<void>(read_reset(reader, {.half_open = {}, .slow = {}, .reset = "5%"}, {}));
  EXPECT_THAT(reader.mistake(), HasSubstr("--reset: needs --lifetime"));
}

}  // namespace
}  // namespace c1m::loadgen
