// A run is two lines that a reader of CSV takes apart again, with empty fields for what is unknown.
#include "loadgen/load_row.hpp"

#include <map>
#include <sstream>

#include <gtest/gtest.h>

namespace c1m::loadgen {
namespace {

// Fields of a line; quotes as RFC 4180 has them.
std::vector<std::string> fields(const std::string& line) {
  std::vector<std::string> found(1);
  bool is_quoted = false;
  for (std::size_t at = 0; at < line.size(); ++at) {
    if (line[at] == '"') {
      if (is_quoted && at + 1 < line.size() && line[at + 1] == '"') {
        found.back() += line[++at];
      } else {
        is_quoted = !is_quoted;
      }
    } else if (line[at] == ',' && !is_quoted) {
      found.emplace_back();
    } else {
      found.back() += line[at];
    }
  }
  return found;
}

std::map<std::string, std::string> columns(const measure::LoadDocument& document) {
  std::istringstream text(format_csv(document));
  std::string names;
  std::string values;
  std::getline(text, names);
  std::getline(text, values);
  EXPECT_EQ(text.peek(), std::istringstream::traits_type::eof()) << "two lines";
  const auto name = fields(names);
  const auto value = fields(values);
  EXPECT_EQ(name.size(), value.size());
  std::map<std::string, std::string> found;
  for (std::size_t at = 0; at < std::min(name.size(), value.size()); ++at) {
    found[name[at]] = value[at];
  }
  return found;
}

measure::LoadDocument open_run() {
  measure::LoadDocument document;
  document.mode = "open";
  document.settings = {{"targets", std::vector<std::string>{"h:1", "h:2"}},
                       {"connections", std::uint64_t{20}},
                       {"rate_pattern", std::string("steps 1,2")}};
  document.window = {.start_ns = 0, .end_ns = 2 * os::ns_per_s};
  document.rate_planned_rps = 10.5;
  document.counts = {.planned = 20, .sent = 19, .unsent = 1, .answered = 17, .timed_out = 2};
  document.response_ns.emplace().record(1'024);
  document.send_lag_ns.emplace();
  return document;
}

TEST(LoadRow, HasTheFiguresUnderTheirNames) {
  auto row = columns(open_run());
  EXPECT_EQ(row["mode"], "open");
  EXPECT_EQ(row["targets"], "h:1 h:2");
  EXPECT_EQ(row["connections"], "20");
  EXPECT_EQ(row["rate_pattern"], "steps 1,2") << "a comma is quoted";
  EXPECT_EQ(row["rate_planned_rps"], "10.5");
  EXPECT_EQ(row["duration_s"], "2");
  EXPECT_EQ(row["unsent"], "1");
  EXPECT_EQ(row["timed_out"], "2");
  EXPECT_EQ(row["response_p99_us"], "1.024");
  EXPECT_EQ(row["valid"], "true");
  EXPECT_EQ(row["partial"], "false");
}

TEST(LoadRow, WhatWasNotMeasuredIsEmpty) {
  auto document = open_run();
  auto row = columns(document);
  EXPECT_EQ(row["service_p99_us"], "") << "nothing recorded";
  EXPECT_EQ(row["send_lag_max_us"], "");
  EXPECT_EQ(row["generator_cpu_us_per_request"], "");
  document.mode = "closed";
  document.response_ns.reset();
  document.rate_planned_rps.reset();
  auto closed = columns(document);
  EXPECT_EQ(closed["response_p50_us"], "");
  EXPECT_EQ(closed["rate_planned_rps"], "");
  document.websocket.emplace().handshake_ns.record(1'024);
  auto websocket = columns(document);
  EXPECT_EQ(closed["handshake_p50_us"], "");
  EXPECT_EQ(websocket["handshake_p50_us"], "1.024");
  EXPECT_EQ(websocket.size(), row.size());
  EXPECT_EQ(closed.size(), row.size()) << "rows of all runs fit under each other";
}

TEST(LoadRow, QuotesInAReasonAreDoubled) {
  auto document = open_run();
  document.checks = {{.name = "a",
                      .value = 3,
                      .bound = 2,
                      .unit = "x",
                      .ok = false,
                      .explanation = "says \"no\", twice"}};
  auto row = columns(document);
  EXPECT_EQ(row["valid"], "false");
  EXPECT_EQ(row["invalid_reasons"], "a: says \"no\", twice");
}

}  // namespace
}  // namespace c1m::loadgen
