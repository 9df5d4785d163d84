// Address lists are read as written, and every connection gets a pair of ends that has a port left.
#include "loadgen/source_addresses.hpp"

#include <map>
#include <string>

#include <gtest/gtest.h>

namespace c1m::loadgen {
namespace {

constexpr std::uint32_t address(std::uint32_t a, std::uint32_t b, std::uint32_t c,
                                std::uint32_t d) {
  return (a << 24) | (b << 16) | (c << 8) | d;
}

os::Endpoint loopback(std::uint16_t port) {
  return os::Endpoint::ipv4(address(127, 0, 0, 1), port);
}

TEST(AddressRanges, ReadsAddressesAndRanges) {
  const auto ranges = parse_address_ranges("10.0.0.5,127.0.1.1-127.0.1.20");
  ASSERT_TRUE(ranges) << ranges.error();
  ASSERT_EQ(ranges->size(), 2U);
  EXPECT_EQ((*ranges)[0], (AddressRange{address(10, 0, 0, 5), address(10, 0, 0, 5)}));
  EXPECT_EQ((*ranges)[1].size(), 20U);
  EXPECT_EQ(to_string((*ranges)[0]), "10.0.0.5");
  EXPECT_EQ(to_string((*ranges)[1]), "127.0.1.1-127.0.1.20");
}

TEST(AddressRanges, RefusesWhatIsNone) {
  for (const char* text : {"", "10.0.0", "10.0.0.256", "10.0.0.1.2", "a.b.c.d", "10.0.0.9-10.0.0.1",
                           "10.0.0.1,", "10.0.0.1-", "::1"}) {
    EXPECT_FALSE(parse_address_ranges(text)) << text;
  }
  EXPECT_NE(parse_address_ranges("10.0.0.1,nonsense").error().find("'nonsense'"),
            std::string::npos);
}

TEST(PortRange, ReadsTheKernelsText) {
  EXPECT_EQ(parse_port_range("32768\t60999\n"), 28'232U);
  EXPECT_EQ(parse_port_range("60999\t32768\n"), std::nullopt);
  EXPECT_EQ(parse_port_range("32768\n"), std::nullopt);
  EXPECT_EQ(parse_port_range(""), std::nullopt);
}

TEST(ChooseSources, LeavesTheChoiceToTheKernelWhileOneAddressIsEnough) {
  EXPECT_TRUE(choose_sources(14'000, {loopback(7000)}, 28'000).empty());
  EXPECT_TRUE(choose_sources(28'000, {loopback(7000), loopback(7001)}, 28'000).empty());
}

TEST(ChooseSources, SpreadsOverLoopbackAtHalfOfThePorts) {
  const auto sources = choose_sources(1'000'000, {loopback(7000)}, 28'000);
  ASSERT_EQ(sources.size(), 1U);
  EXPECT_EQ(sources[0].size(), 72U);  // 1,000,000 / 14,000, rounded up
  EXPECT_EQ(sources[0].first >> 24, 127U);
}

TEST(ChooseSources, NeverInventsAddressesForOtherHosts) {
  const os::Endpoint remote = os::Endpoint::ipv4(address(10, 0, 0, 1), 7000);
  EXPECT_TRUE(choose_sources(1'000'000, {remote}, 28'000).empty());
  EXPECT_TRUE(choose_sources(1'000'000, {loopback(7000), remote}, 28'000).empty());
}

TEST(Routes, FillAllPairsEvenly) {
  const Routes routes({loopback(7000), loopback(7001)},
                      {{address(127, 0, 0, 2), address(127, 0, 0, 3)},
                       {address(127, 0, 0, 8), address(127, 0, 0, 9)}});
  std::map<std::string, int> pairs;
  for (std::uint32_t connection = 0; connection < 800; ++connection) {
    const auto source = routes.source(connection);
    ASSERT_TRUE(source);
    ++pairs[source->to_string() + " > " + routes.target(connection).to_string()];
  }
  EXPECT_EQ(pairs.size(), 8U);
  for (const auto& [pair, count] : pairs) EXPECT_EQ(count, 100) << pair;
}

TEST(Routes, WithoutSourcesTheKernelChooses) {
  const Routes routes({loopback(7000)}, {});
  EXPECT_EQ(routes.source(5), std::nullopt);
}

}  // namespace
}  // namespace c1m::loadgen
