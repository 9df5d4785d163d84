// Durations and sizes from text: exact values at the edges, and errors that name the text.
#include "os/quantity.hpp"

#include <gtest/gtest.h>

namespace c1m::os {
namespace {

TEST(ParseDuration, KnowsEveryUnit) {
  EXPECT_EQ(parse_duration("7ns"), 7);
  EXPECT_EQ(parse_duration("7us"), 7'000);
  EXPECT_EQ(parse_duration("250ms"), 250'000'000);
  EXPECT_EQ(parse_duration("1s"), 1'000'000'000);
  EXPECT_EQ(parse_duration("2m"), 120'000'000'000);
  EXPECT_EQ(parse_duration("3h"), 10'800'000'000'000);
  EXPECT_EQ(parse_duration("0s"), 0);
}

TEST(ParseDuration, FractionsAreExact) {
  EXPECT_EQ(parse_duration("0.1s"), 100'000'000);
  EXPECT_EQ(parse_duration("0.5ms"), 500'000);
  EXPECT_EQ(parse_duration("1.5h"), 5'400'000'000'000);
  EXPECT_EQ(parse_duration("0.000000001h"), 3'600);
  EXPECT_EQ(parse_duration("2.999999999us"), 2'999);
  EXPECT_EQ(parse_duration("1.9ns"), 1);
}

TEST(ParseDuration, RefusesWhatHasNoUnitOrNoNumber) {
  for (const char* text : {"", "5", "s", "ms", ".5s", "1.s", "1.s5", "-1s", "+1s", "1 s", "1s ",
                           "1S", "1sec", "0x1s", "1e3s", "1.0000000001s", "1.5.5s"}) {
    const auto parsed = parse_duration(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_TRUE(parsed.error().starts_with("'" + std::string(text) + "' is not a duration"))
        << parsed.error();
  }
}

TEST(ParseDuration, RefusesWhatDoesNotFit) {
  EXPECT_EQ(parse_duration("2562046h"), Nanoseconds{2'562'046} * 3600 * ns_per_s);
  for (const char* text : {"2562048h", "9223372036854775807ns", "99999999999999999999ns"}) {
    const auto parsed = parse_duration(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_NE(parsed.error().find("too long"), std::string::npos) << parsed.error();
  }
}

TEST(ParseSize, KnowsEverySuffix) {
  EXPECT_EQ(parse_size("0"), 0U);
  EXPECT_EQ(parse_size("4096"), 4096U);
  EXPECT_EQ(parse_size("10B"), 10U);
  EXPECT_EQ(parse_size("64KiB"), 65'536U);
  EXPECT_EQ(parse_size("1MiB"), 1'048'576U);
  EXPECT_EQ(parse_size("3GiB"), 3'221'225'472U);
}

TEST(ParseSize, RefusesOtherUnitsFractionsAndSigns) {
  // KB and K are refused rather than guessed: people disagree on whether they mean 1000 or 1024.
  for (const char* text :
       {"", "KiB", "64KB", "64K", "64kib", "1.5KiB", "-1", "+1", " 1", "1 KiB", "0x10"}) {
    const auto parsed = parse_size(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_TRUE(parsed.error().starts_with("'" + std::string(text) + "' is not a size"))
        << parsed.error();
  }
}

TEST(ParseSize, RefusesWhatDoesNotFit) {
  EXPECT_EQ(parse_size("8589934591GiB"), 8'589'934'591ULL << 30);
  for (const char* text : {"8589934592GiB", "9223372036854775808", "99999999999999999999"}) {
    const auto parsed = parse_size(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_NE(parsed.error().find("too big"), std::string::npos) << parsed.error();
  }
}

}  // namespace
}  // namespace c1m::os
