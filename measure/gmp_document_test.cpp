// The figures of the demonstration reach their fields, and what is not known is null.
#include "measure/gmp_document.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace c1m::measure {
namespace {

GmpDocument example() {
  return {.coroutines = 100'000,
          .processors = 2,
          .live_after_spawning = 99'000,
          .ended_by_then = 1'001,
          .live_at_end = 0,
          .stacks_reserved = 99'500,
          .memory_before = {.rss_bytes = 5000, .page_table_bytes = 100},
          .memory_after_spawning = {.rss_bytes = 9000, .page_table_bytes = 350},
          .memory_at_end = {.rss_bytes = 4000, .page_table_bytes = 200}};
}

TEST(GmpDocument, PutsWhatWasMeasuredBesideTheClaim) {
  const auto json = nlohmann::json::parse(to_json_line(example()));
  EXPECT_EQ(json["kind"], "c1m-article-r02");
  EXPECT_EQ(json["coroutines"], 100'000);
  EXPECT_EQ(json["processors"], 2);
  EXPECT_EQ(json["claimed"]["live_after_spawning"], 100'001);
  const auto& measured = json["measured"];
  EXPECT_EQ(measured["live_after_spawning"], 99'000);
  EXPECT_EQ(measured["ended_by_then"], 1'001);
  EXPECT_EQ(measured["live_at_end"], 0);
  EXPECT_EQ(measured["stacks_reserved"], 99'500);
  EXPECT_EQ(measured["rss_before_bytes"], 5000);
  EXPECT_EQ(measured["rss_after_spawning_bytes"], 9000);
  EXPECT_EQ(measured["rss_at_end_bytes"], 4000);
  EXPECT_EQ(measured["rss_growth_bytes"], 4000);
  EXPECT_EQ(measured["page_table_growth_bytes"], 250);
}

TEST(GmpDocument, SaysNullForWhatCouldNotBeReadAndCanShrink) {
  GmpDocument document = example();
  document.memory_before.rss_bytes.reset();
  document.memory_after_spawning.page_table_bytes = 90;
  const auto json = nlohmann::json::parse(to_json_line(document));
  EXPECT_TRUE(json["measured"]["rss_before_bytes"].is_null());
  EXPECT_TRUE(json["measured"]["rss_growth_bytes"].is_null());
  EXPECT_EQ(json["measured"]["page_table_growth_bytes"], -10);
}

TEST(GmpDocument, IsOneLine) {
  EXPECT_EQ(to_json_line(example()).find('\n'), std::string::npos);
}

}  // namespace
}  // namespace c1m::measure
