// The figures of the worker pool reach their fields, and what is not known is null.
#include "measure/pool_document.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace c1m::measure {
namespace {

PoolDocument example() {
  return {.tasks = 1000,
          .processors = 2,
          .workers = 8,
          .queue_max = 50,
          .results = 999,
          .results_right = true,
          .leak_reports = 3,
          .elapsed_ns = 250'000,
          .memory_before = {.rss_bytes = 5000, .page_table_bytes = 100},
          .memory_after_tenth = {.rss_bytes = 9000, .page_table_bytes = 350},
          .memory_after_all = {.rss_bytes = 8000, .page_table_bytes = 200}};
}

TEST(PoolDocument, PutsWhatWasMeasuredBesideTheClaim) {
  const auto json = nlohmann::json::parse(to_json_line(example()));
  EXPECT_EQ(json["kind"], "c1m-article-r04");
  EXPECT_EQ(json["tasks"], 1000);
  EXPECT_EQ(json["processors"], 2);
  EXPECT_EQ(json["workers"], 8);
  EXPECT_EQ(json["queue_max"], 50);
  EXPECT_EQ(json["claimed"]["tasks"], 1'000'000);
  EXPECT_EQ(json["claimed"]["queue_max"], 5000);
  const auto& measured = json["measured"];
  EXPECT_EQ(measured["results"], 999);
  EXPECT_EQ(measured["results_right"], true);
  EXPECT_EQ(measured["leak_reports"], 3);
  EXPECT_EQ(measured["elapsed_ns"], 250'000);
  EXPECT_EQ(measured["task_ns"], 250.0);
  EXPECT_EQ(measured["rss_growth_bytes"], 3000);
  EXPECT_EQ(measured["rss_growth_after_tenth_bytes"], -1000);
}

TEST(PoolDocument, SaysNullForWhatCouldNotBeRead) {
  PoolDocument document = example();
  document.memory_after_tenth.rss_bytes.reset();
  const auto json = nlohmann::json::parse(to_json_line(document));
  EXPECT_TRUE(json["measured"]["rss_after_tenth_bytes"].is_null());
  EXPECT_TRUE(json["measured"]["rss_growth_after_tenth_bytes"].is_null());
  EXPECT_EQ(json["measured"]["rss_growth_bytes"], 3000);
}

TEST(PoolDocument, IsOneLine) {
  EXPECT_EQ(to_json_line(example()).find('\n'), std::string::npos);
}

}  // namespace
}  // namespace c1m::measure
