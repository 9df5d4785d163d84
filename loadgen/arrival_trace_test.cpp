// A trace is read exactly, and what is wrong with it is named with its line.
#include "loadgen/arrival_trace.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace c1m::loadgen {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(ArrivalTrace, ReadsOffsetsAndConnections) {
  const auto trace = parse_trace("# recorded\n0\n\n0.000000001,3\r\n 1.5 , 0\n1.5\n20", 4);
  ASSERT_TRUE(trace) << trace.error();
  EXPECT_THAT(*trace, ElementsAre(TracedArrival{0, any_connection}, TracedArrival{1, 3},
                                  TracedArrival{1'500'000'000, 0},
                                  TracedArrival{1'500'000'000, any_connection},
                                  TracedArrival{20'000'000'000, any_connection}));
}

struct BadTrace {
  const char* text;
  const char* line;
  const char* what;
};

class BadTraces : public testing::TestWithParam<BadTrace> {};

TEST_P(BadTraces, AreNamedByLine) {
  const auto trace = parse_trace(GetParam().text, 4);
  ASSERT_FALSE(trace);
  EXPECT_THAT(trace.error(), AllOf(HasSubstr(GetParam().line), HasSubstr(GetParam().what)));
}

INSTANTIATE_TEST_SUITE_P(
    All, BadTraces,
    testing::Values(BadTrace{"", "", "no arrivals"}, BadTrace{"# 1\n\n", "", "no arrivals"},
                    BadTrace{"1\nx\n", "line 2", "'x'"}, BadTrace{"-1", "line 1", "'-1'"},
                    BadTrace{"1s", "line 1", "'1s'"}, BadTrace{"1,4", "line 1", "from 0 to 3"},
                    BadTrace{"1,", "line 1", "''"}, BadTrace{"1,2,3", "line 1", "'2,3'"},
                    BadTrace{"2\n\n1.5\n", "line 3", "1.5 is earlier"}));

}  // namespace
}  // namespace c1m::loadgen
