// Assertions hold in every build type: these tests run in release too.
#include "os/assert.hpp"

#include <csignal>

#include <gtest/gtest.h>

namespace c1m::os {
namespace {

TEST(Assert, PassesOnATrueExpressionAndEvaluatesItOnce) {
  int evaluated = 0;
  C1M_ASSERT(++evaluated == 1, "counts");
  EXPECT_EQ(evaluated, 1);
}

TEST(AssertDeathTest, PrintsPlaceExpressionAndMessageThenAborts) {
  const int answer = 41;
  EXPECT_EXIT(C1M_ASSERT(answer == 42, "the answer is known"), testing::KilledBySignal(SIGABRT),
              "assert_test.cpp:[0-9]+: assertion failed: answer == 42: the answer is known");
}

TEST(AssertDeathTest, PrintsTheWholeLineNumber) {
  EXPECT_EXIT(assertion_failed("x", "some_file.cpp", 10'203, "why"),
              testing::KilledBySignal(SIGABRT),
              "^some_file.cpp:10203: assertion failed: x: why\n$");
}

}  // namespace
}  // namespace c1m::os
