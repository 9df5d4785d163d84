// Lifetimes are read as they are written; every mistake names the flag, the text and what would do.
#include "loadgen/connection_flags.hpp"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace c1m::loadgen {
namespace {

using testing::AllOf;
using testing::HasSubstr;

Lifetime lifetime_of(const std::string& text) {
  FlagReader reader;
  const Lifetime lifetime = read_lifetime(reader, text);
  EXPECT_EQ(reader.mistake(), "") << text;
  return lifetime;
}

std::string mistake_of(const std::string& text) {
  FlagReader reader;
  static_cast<void>(read_lifetime(reader, text));
  return reader.mistake();
}

TEST(ConnectionFlags, LifetimesOfEachKind) {
  EXPECT_EQ(lifetime_of(""), Lifetime{});
  EXPECT_EQ(lifetime_of("fixed:10s"), (Lifetime{.kind = LifetimeKind::fixed,
                                                .least_ns = 10 * os::ns_per_s,
                                                .most_ns = 10 * os::ns_per_s}));
  EXPECT_EQ(lifetime_of("exp:1500ms"), (Lifetime{.kind = LifetimeKind::exponential,
                                                 .least_ns = 1'500 * os::ns_per_ms,
                                                 .most_ns = 1'500 * os::ns_per_ms}));
  EXPECT_EQ(lifetime_of("uniform:1s-20s"), (Lifetime{.kind = LifetimeKind::uniform,
                                                     .least_ns = os::ns_per_s,
                                                     .most_ns = 20 * os::ns_per_s}));
}

TEST(ConnectionFlags, ConnectRates) {
  FlagReader reader;
  EXPECT_EQ(read_connect_rate(reader, "max"), 0);
  EXPECT_EQ(read_connect_rate(reader, "0"), 0);
  EXPECT_EQ(read_connect_rate(reader, "2500"), 2'500);
  EXPECT_EQ(reader.mistake(), "");
  static_cast<void>(read_connect_rate(reader, "most"));
  EXPECT_THAT(reader.mistake(), AllOf(HasSubstr("--connect-rate"), HasSubstr("'most'")));
}

TEST(ConnectionFlags, UntilRefusedHoldsWhatItOpens) {
  FlagReader reader;
  EXPECT_FALSE(read_until_refused(reader, {}, false));
  EXPECT_TRUE(read_until_refused(reader, {.until_refused = true}, true));
  EXPECT_EQ(reader.mistake(), "");
  static_cast<void>(read_until_refused(reader, {.until_refused = true}, false));
  EXPECT_THAT(reader.mistake(), HasSubstr("--until-refused: needs --idle"));
  FlagReader other;
  static_cast<void>(read_until_refused(other, {.lifetime = "exp:1s", .until_refused = true}, true));
  EXPECT_THAT(other.mistake(), HasSubstr("cannot be together with --lifetime"));
}

TEST(ConnectionFlags, NamesWhatIsWrongWithALifetime) {
  EXPECT_THAT(mistake_of("10s"), AllOf(HasSubstr("--lifetime"), HasSubstr("'10s'"),
                                       HasSubstr("fixed:TIME, exp:MEAN or uniform:LEAST-MOST")));
  EXPECT_THAT(mistake_of("weibull:3s"), HasSubstr("'weibull:3s' is not fixed:TIME"));
  EXPECT_THAT(mistake_of("fixed:"), HasSubstr("--lifetime"));
  EXPECT_THAT(mistake_of("exp:ten"), HasSubstr("'ten'"));
  EXPECT_THAT(mistake_of("exp:0s"), HasSubstr("from 1 ms to 7 days"));
  EXPECT_THAT(mistake_of("exp:999us"), HasSubstr("from 1 ms to 7 days"));
  EXPECT_THAT(mistake_of("uniform:1s"), HasSubstr("'1s' is not LEAST-MOST, as in 1s-20s"));
  EXPECT_THAT(mistake_of("uniform:2s-1s"), HasSubstr("'2s-1s': the first must be the least"));
}

}  // namespace
}  // namespace c1m::loadgen
