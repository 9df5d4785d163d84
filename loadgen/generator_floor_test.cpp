// The floor is made of as many verified round trips as were asked for, of the size asked for.
#include "loadgen/generator_floor.hpp"

#include <gtest/gtest.h>

namespace c1m::loadgen {
namespace {

TEST(GeneratorFloor, RecordsEachRoundTripOnce) {
  for (const std::uint32_t message_bytes : {1U, 64U, floor_message_bytes_max}) {
    const auto floor = measure_floor(message_bytes, 200);
    ASSERT_TRUE(floor) << os::describe(floor.error());
    EXPECT_EQ(floor->message_bytes, message_bytes);
    EXPECT_EQ(floor->round_trip_ns.count(), 200U) << "the warm-up is left out";
    EXPECT_GT(floor->round_trip_ns.min(), 0);
  }
}

TEST(GeneratorFloor, LargeMessagesAreMeasuredAtTheSizeThatBuffersHold) {
  const auto floor = measure_floor(floor_message_bytes_max + 1, 10);
  ASSERT_TRUE(floor) << os::describe(floor.error());
  EXPECT_EQ(floor->message_bytes, floor_message_bytes_max);
}

}  // namespace
}  // namespace c1m::loadgen
