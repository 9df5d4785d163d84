// What the runtime's tests share: a runtime with as many processors as the test's parameter says,
// which must be left with nothing alive, queued, armed or open. Threads: the test's.
#pragma once

#include <functional>
#include <memory>

#include <gtest/gtest.h>

#include "os/result.hpp"
#include "runtime/runtime.hpp"
#include "runtime/sanitizer.hpp"

namespace c1m::runtime {

class RuntimeFixture : public testing::Test {
 protected:
  // Sanitizers want more stack, and ThreadSanitizer a bounded number of coroutines.
  static constexpr std::size_t stack_bytes = C1M_ASAN || C1M_TSAN ? 256 * 1024 : 64 * 1024;
  static constexpr int many = C1M_TSAN ? 500 : 10'000;

  void TearDown() override {
    if (!runtime_) return;  // skipped
    const RuntimeStatistics left = runtime_->statistics();
    EXPECT_EQ(left.coroutines_live, 0U);
    EXPECT_EQ(left.coroutines_runnable, 0U);
    EXPECT_EQ(left.timers_armed, 0U);
    EXPECT_EQ(left.descriptors_open, 0U);
    EXPECT_EQ(left.ring_buffers_held, 0U);
    EXPECT_EQ(left.ring_streams_to_send, 0U);
    EXPECT_EQ(left.stacks_in_use, 0U);
    EXPECT_EQ(left.coroutines_compact, 0U);
    EXPECT_EQ(left.coroutines_frozen, 0U);
    EXPECT_EQ(left.coroutines_freezable, 0U);
    EXPECT_EQ(left.stacks_frozen, 0U);
    EXPECT_EQ(left.frozen_bytes, 0U);
    EXPECT_EQ(left.frozen_bytes_stored, 0U);
    runtime_.reset();  // before what a derived fixture lends it
  }

  // For tests in virtual time.
  virtual VirtualClock* clock() { return nullptr; }

  // Runs `main` as the first coroutine to the end of all.
  void run(std::move_only_function<void()> main) {
    const auto ran = runtime_->run(std::move(main));
    ASSERT_TRUE(ran) << os::describe(ran.error());
  }

  Runtime& runtime() { return *runtime_; }

  void set_up(const RuntimeOptions& options) {
    auto created = Runtime::create(options);
    ASSERT_TRUE(created) << os::describe(created.error());
    runtime_ = std::move(*created);
  }

 private:
  std::unique_ptr<Runtime> runtime_;
};

class RuntimeTest : public RuntimeFixture, public testing::WithParamInterface<unsigned> {
 protected:
  void SetUp() override {
    set_up({.processors = GetParam(), .stack_bytes = stack_bytes, .clock = clock()});
  }
};

inline constexpr auto processor_counts = {1U, 2U, 4U};

// NOLINTNEXTLINE(cppcoreguidelines-macro-usage): gtest has no function for it.
#define C1M_FOR_ALL_PROCESSOR_COUNTS(suite)                                        \
  INSTANTIATE_TEST_SUITE_P(Processors, suite, testing::ValuesIn(processor_counts), \
                           [](const auto& test) { return std::to_string(test.param); })

}  // namespace c1m::runtime
