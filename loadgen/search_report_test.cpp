// The text says the bracket, how sure it is, and who was the limit.
#include "loadgen/search_report.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace c1m::loadgen {
namespace {

using testing::HasSubstr;
using testing::Not;

measure::SearchDocument search_of(const char* bound_by) {
  measure::SearchDocument document;
  document.objective = "p99<10ms";
  measure::SearchStep step;
  step.phase = "bisect";
  step.rate_rps = 1'410;
  step.outcome = "missed";
  step.objective = {.text = "p99<10ms", .metric = "p99", .value = 12'345.6, .unit = "us"};
  step.invalid_reasons = {"nothing_late: 3 requests"};
  document.steps = {step};
  document.held_rps = 1'000;
  document.failed_rps = 1'050;
  document.bound_by = bound_by;
  document.confidence = 0.96;
  document.converged = true;
  return document;
}

TEST(SearchReport, ShowsStepsAndBracket) {
  const std::string text = format_search(search_of("objective"));
  EXPECT_THAT(text, HasSubstr("step   1  bisect          1410/s  missed     p99 = 12345.6 us, send "
                              "lag p99 - us"));
  EXPECT_THAT(text, HasSubstr("nothing_late: 3 requests"));
  EXPECT_THAT(text, HasSubstr("p99<10ms holds at 1000 requests/s, and not at 1050\n"));
  EXPECT_THAT(text, HasSubstr("at least 96.0 %, 1 steps"));
  EXPECT_THAT(text, Not(HasSubstr("GENERATOR")));
  EXPECT_THAT(text, Not(HasSubstr("NOT CONVERGED")));
}

TEST(SearchReport, SaysWhoWasTheLimit) {
  EXPECT_THAT(format_search(search_of("generator")),
              HasSubstr("the GENERATOR was the limit at 1050: the server may hold more than 1000"));
  auto all_held = search_of("search range");
  all_held.failed_rps.reset();
  EXPECT_THAT(format_search(all_held), HasSubstr("the highest rate allowed; the limit is higher"));
  auto none_held = search_of("objective");
  none_held.held_rps.reset();
  EXPECT_THAT(format_search(none_held), HasSubstr("was not met at 1050"));
}

TEST(SearchReport, SaysThatItIsUnfinished) {
  auto document = search_of("objective");
  document.converged = false;
  EXPECT_THAT(format_search(document), HasSubstr("NOT CONVERGED"));
  document.stopped_by = "SIGINT";
  EXPECT_THAT(format_search(document), HasSubstr("PARTIAL: stopped by SIGINT"));
  EXPECT_THAT(format_search({}), HasSubstr("no step was finished"));
}

}  // namespace
}  // namespace c1m::loadgen
