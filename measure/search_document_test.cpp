// A search says every step, its bracket, and the run that held.
#include "measure/search_document.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace c1m::measure {
namespace {

using Json = nlohmann::json;

TEST(SearchDocument, HasItsStepsAndItsBracket) {
  SearchDocument document;
  document.objective = "p99<10ms";
  document.settings = {{"connections", std::uint64_t{50}}};
  SearchStep step;
  step.phase = "bisect";
  step.rate_rps = 1'410;
  step.outcome = "missed";
  step.objective = {.text = "p99<10ms", .metric = "p99", .value = 12'000, .bound = 10'000};
  step.send_lag_p99_us = 80;
  step.invalid_reasons = {"nothing_late: 3"};
  document.steps = {step};
  document.held_rps = 1'000;
  document.bound_by = "objective";
  document.confidence = 0.96;
  document.held_run.emplace().mode = "open";
  const Json json = Json::parse(write_search_document(document));
  EXPECT_EQ(json["kind"], "c1m-load-search");
  EXPECT_EQ(json["held_rps"], 1'000);
  EXPECT_EQ(json["failed_rps"], nullptr);
  EXPECT_EQ(json["partial"], false);
  EXPECT_EQ(json["settings"]["connections"], 50);
  EXPECT_EQ(json["steps"][0]["rate_rps"], 1'410);
  EXPECT_EQ(json["steps"][0]["objective"]["value"], 12'000);
  EXPECT_EQ(json["steps"][0]["send_lag_p99_us"], 80);
  EXPECT_EQ(json["steps"][0]["invalid_reasons"][0], "nothing_late: 3");
  EXPECT_EQ(json["held_run"]["kind"], "c1m-load");
  document.held_run.reset();
  document.stopped_by = "SIGINT";
  const Json stopped = Json::parse(write_search_document(document));
  EXPECT_EQ(stopped["held_run"], nullptr);
  EXPECT_EQ(stopped["partial"], true);
}

}  // namespace
}  // namespace c1m::measure
