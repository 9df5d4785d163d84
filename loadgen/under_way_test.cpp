// What was begun first is due first, and what has ended is not.
#include "loadgen/under_way.hpp"

#include <limits>
#include <string>

#include <gtest/gtest.h>

namespace c1m::loadgen {
namespace {

TEST(UnderWay, TheOldestIsDueFirst) {
  UnderWay<std::string> under_way;
  EXPECT_EQ(under_way.deadline_ns(10), std::numeric_limits<os::Nanoseconds>::max());
  under_way.begin(7, 100, "seven");
  under_way.begin(3, 200);
  EXPECT_EQ(under_way.size(), 2U);
  EXPECT_EQ(under_way.find(7)->note, "seven");
  EXPECT_EQ(under_way.deadline_ns(10), 110);
  EXPECT_EQ(under_way.overdue(99), std::nullopt);
  EXPECT_EQ(under_way.overdue(100), 7U);
  EXPECT_EQ(under_way.end(7), 100);
  EXPECT_EQ(under_way.end(7), std::nullopt);
  EXPECT_EQ(under_way.deadline_ns(10), 210);
  EXPECT_EQ(under_way.find(7), nullptr);
}

TEST(UnderWay, ABeginningAfterAnEndCountsFromItself) {
  UnderWay<int> under_way;
  under_way.begin(1, 100);
  under_way.begin(2, 110);
  under_way.end(2);
  under_way.begin(2, 150);
  under_way.end(1);
  EXPECT_EQ(under_way.overdue(149), std::nullopt) << "its first time was ended";
  EXPECT_EQ(under_way.overdue(150), 2U);
}

}  // namespace
}  // namespace c1m::loadgen
