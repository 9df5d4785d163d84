// OpenMetrics text against the rules of its specification that scrapers enforce.
#include "measure/server_metrics.hpp"

#include <map>
#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace c1m::measure {
namespace {

using testing::HasSubstr;
using testing::Not;

StatsSample one_shard() {
  ShardSample shard;
  shard.index = 3;
  shard.process.cpu_us = 12'000'345;
  shard.process.pss_bytes = 4096;
  shard.traffic.connections_open = 7;
  shard.traffic.bytes_received = 64;
  return {.monotonic_ns = 1, .utc = "", .choices = {}, .shards = {shard}};
}

constexpr os::BuildInfo build{.version = "0.1.0", .commit = "abc", .preset = "dev", .dirty = false};

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

TEST(OpenMetrics, GivesValuesInBaseUnits) {
  const std::string text = to_open_metrics(one_shard(), "uv", build);
  EXPECT_THAT(text, HasSubstr("\nc1m_server_cpu_seconds_total{shard=\"3\"} 12.000345\n"));
  EXPECT_THAT(text, HasSubstr("\nc1m_server_proportional_memory_bytes{shard=\"3\"} 4096\n"));
  EXPECT_THAT(text, HasSubstr("\nc1m_server_connections_open{shard=\"3\"} 7\n"));
  EXPECT_THAT(text, HasSubstr("\nc1m_server_received_bytes_total{shard=\"3\"} 64\n"));
  EXPECT_THAT(text, HasSubstr("\nc1m_server_shard_up{shard=\"3\"} 1\n"));
}

TEST(OpenMetrics, TellsCloseCodesApartByTheirLabel) {
  StatsSample sample = one_shard();
  sample.shards[0].traffic.websocket.closes.front() = 5;
  sample.shards[0].traffic.websocket.closes.back() = 6;
  const std::string text = to_open_metrics(sample, "uv", build);
  EXPECT_THAT(text,
              HasSubstr("\nc1m_server_websocket_closes_total{shard=\"3\",code=\"1000\"} 5\n"));
  EXPECT_THAT(text,
              HasSubstr("\nc1m_server_websocket_closes_total{shard=\"3\",code=\"other\"} 6\n"));
}

TEST(OpenMetrics, HasNoSampleForWhatIsUnknown) {
  EXPECT_THAT(to_open_metrics(one_shard(), "uv", build), Not(HasSubstr("\nc1m_server_threads{")));
}

TEST(OpenMetrics, EscapesLabels) {
  EXPECT_THAT(to_open_metrics(one_shard(), "a\"b\\c\nd", build),
              HasSubstr(R"({backend="a\"b\\c\nd",)"));
}

TEST(OpenMetrics, SaysWhatWasChosenWhereThereIsAChoice) {
  StatsSample sample = one_shard();
  EXPECT_THAT(to_open_metrics(sample, "uv", build), Not(HasSubstr("c1m_server_choices")));
  sample.choices = {.poller = "io_uring", .stacks = "compact"};
  EXPECT_THAT(to_open_metrics(sample, "coro", build),
              HasSubstr("\nc1m_server_choices_info{poller=\"io_uring\",stacks=\"compact\"} 1\n"));
}

TEST(OpenMetrics, EndsWithEof) {
  const std::string text = to_open_metrics(one_shard(), "uv", build);
  EXPECT_TRUE(text.ends_with("\n# EOF\n"));
  EXPECT_EQ(text.find("# EOF"), text.size() - 6);
}

// "Metric families ... MUST NOT be interleaved"; a unit is the name's last part; counters' samples
// end in _total.
TEST(OpenMetrics, EveryFamilyHasItsMetadataAndOnlyItsOwnSamples) {
  std::map<std::string, std::string> types;
  std::string family;
  StatsSample sample = one_shard();
  sample.choices = {.poller = "epoll", .stacks = "compact"};
  for (const std::string& line : lines_of(to_open_metrics(sample, "coro", build))) {
    std::istringstream words(line);
    std::string hash;
    std::string keyword;
    std::string name;
    std::string value;
    if (line == "# EOF") break;
    if (line.starts_with('#')) {
      words >> hash >> keyword >> name >> value;
      if (keyword == "TYPE") {
        family = name;
        EXPECT_TRUE(types.emplace(name, value).second) << "twice: " << line;
      }
      EXPECT_EQ(name, family) << line;
      EXPECT_TRUE(keyword != "UNIT" || name.ends_with("_" + value)) << line;
      continue;
    }
    ASSERT_TRUE(types.contains(family));
    const std::string suffix = types[family] == "counter" ? "_total"
                               : types[family] == "info"  ? "_info"
                                                          : "";
    EXPECT_TRUE(line.starts_with(family + suffix + "{")) << line;
  }
  EXPECT_EQ(types.size(), 43U);
}

}  // namespace
}  // namespace c1m::measure
