// A buffer holds the events of one trace, and begins the next when its first event comes.
#include "runtime/trace_buffer.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

namespace c1m::runtime {
namespace {

constexpr std::size_t events_max = 3;

class TraceBufferTest : public ::testing::Test {
 protected:
  void append(std::uint32_t trace, std::uint32_t coroutine) {
    buffer_.append(trace, events_max, {.coroutine = coroutine});
  }
  TraceTrack track(std::uint32_t trace) {
    TraceTrack read;
    buffer_.read(trace, read);
    return read;
  }
  std::vector<std::uint32_t> coroutines(std::uint32_t trace) {
    std::vector<std::uint32_t> all;
    for (const TraceEvent& event : track(trace).events) all.push_back(event.coroutine);
    return all;
  }

 private:
  TraceBuffer buffer_;
};

using Coroutines = std::vector<std::uint32_t>;

TEST_F(TraceBufferTest, KeepsWhatFitsAndCountsTheRest) {
  for (std::uint32_t i = 1; i <= 5; ++i) append(1, i);
  EXPECT_EQ(coroutines(1), (Coroutines{1, 2, 3}));
  EXPECT_EQ(track(1).dropped, 2U);
}

TEST_F(TraceBufferTest, HasNothingOfATraceWithoutEvents) {
  append(1, 1);
  EXPECT_EQ(coroutines(2), Coroutines{});
}

TEST_F(TraceBufferTest, ANewTraceReplacesTheLast) {
  for (std::uint32_t i = 1; i <= 5; ++i) append(1, i);
  append(2, 6);
  EXPECT_EQ(coroutines(1), Coroutines{});
  EXPECT_EQ(coroutines(2), Coroutines{6});
  EXPECT_EQ(track(2).dropped, 0U);
}

// By who saw that a trace was on, and came here when it was over and the next had begun.
TEST_F(TraceBufferTest, LeavesOutAnEventOfAnEarlierTrace) {
  append(2, 1);
  append(1, 2);
  append(2, 3);
  EXPECT_EQ(coroutines(1), Coroutines{});
  EXPECT_EQ(coroutines(2), (Coroutines{1, 3}));
}

}  // namespace
}  // namespace c1m::runtime
