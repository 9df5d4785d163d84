// Handles to coroutines: values and exceptions arrive unchanged, at coroutines and at plain
// threads, once; and what becomes of a coroutine whose handle is dropped.
#include "runtime/join_handle.hpp"

#include <atomic>
#include <cerrno>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "runtime/runtime_fixture.hpp"
#include "runtime/sleep.hpp"
#include "runtime/virtual_clock.hpp"
#include "runtime/yield.hpp"

namespace c1m::runtime {
namespace {

class JoinHandleTest : public RuntimeTest {};
C1M_FOR_ALL_PROCESSOR_COUNTS(JoinHandleTest);

TEST_P(JoinHandleTest, CarriesWhatTheCoroutineReturns) {
  run([] {
    auto number = spawn_joinable([] { return 7; });
    auto text = spawn_joinable([word = std::string("seven")] {
      yield();
      return std::make_unique<std::string>(word);  // only moved
    });
    auto nothing = spawn_joinable([] { yield(); });
    ASSERT_TRUE(number && text && nothing);
    EXPECT_EQ(number->join(), 7);
    EXPECT_EQ(*text->join(), "seven");
    nothing->join();
  });
}

TEST_P(JoinHandleTest, OneThatHasEndedIsJoinedWithoutWaiting) {
  run([] {
    auto handle = spawn_joinable([] { return 7; });
    ASSERT_TRUE(handle);
    while (!handle->finished()) yield();
    EXPECT_EQ(handle->join(), 7);
  });
}

TEST_P(JoinHandleTest, RethrowsWhatTheCoroutineThrows) {
  run([] {
    constexpr int coroutines = C1M_TSAN ? 50 : 1000;
    std::vector<JoinHandle<int>> handles;
    for (int i = 0; i < coroutines; ++i) {
      auto handle = spawn_joinable([i] -> int {
        if (i % 3 == 0) yield();
        throw std::runtime_error("error " + std::to_string(i));
      });
      ASSERT_TRUE(handle);
      handles.push_back(std::move(*handle));
    }
    for (int i = 0; i < coroutines; ++i) {
      try {
        handles[static_cast<std::size_t>(i)].join();
        ADD_FAILURE() << "nothing was thrown";
      } catch (const std::runtime_error& error) {
        EXPECT_EQ(error.what(), "error " + std::to_string(i));
        yield();
        EXPECT_EQ(error.what(), "error " + std::to_string(i)) << "it goes on on another thread";
      }
    }
  });
}

TEST_P(JoinHandleTest, CarriesResultsAsTheyAre) {
  run([] {
    auto handle = spawn_joinable([] -> os::Result<int> { return os::fail(EPIPE, "write"); });
    ASSERT_TRUE(handle);
    const os::Result<int> result = handle->join();
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, EPIPE);
  });
}

TEST_P(JoinHandleTest, WhatTheCoroutineDidAndCapturedIsGoneAndVisible) {
  constexpr int coroutines = 300;
  std::vector<int> written(coroutines, 0);  // plain on purpose: ThreadSanitizer checks the order
  run([&written] {
    auto captured = std::make_shared<int>(0);
    std::vector<JoinHandle<void>> handles;
    for (int& place : written) {
      auto handle = spawn_joinable([&place, captured] {
        yield();
        place = 1;
      });
      ASSERT_TRUE(handle);
      handles.push_back(std::move(*handle));
    }
    for (auto& handle : handles) handle.join();
    EXPECT_EQ(captured.use_count(), 1);
    for (const int each : written) EXPECT_EQ(each, 1);
  });
}

TEST_P(JoinHandleTest, CompactCoroutinesJoinEachOther) {
  std::atomic<int> sum = 0;
  run([&sum] {
    for (int i = 0; i < 100; ++i) {
      ASSERT_TRUE(spawn(
          [&sum] {
            auto below = spawn_joinable(
                [] {
                  yield();
                  return 1;
                },
                {.stack = StackPolicy::compact});
            ASSERT_TRUE(below);
            sum.fetch_add(below->join());
          },
          {.stack = StackPolicy::compact}));
    }
  });
  EXPECT_EQ(sum.load(), 100);
}

// --- plain threads -------------------------------------------------------------------------------

TEST_P(JoinHandleTest, AThreadSpawnsAndJoins) {
  std::atomic<bool> end = false;
  std::thread outside([this, &end] {
    for (int i = 0; i < 50; ++i) {
      auto handle = spawn_joinable(runtime(), [i] {
        yield();
        return i;
      });
      ASSERT_TRUE(handle);
      EXPECT_EQ(handle->join(), i);
      auto failing = spawn_joinable(runtime(), [] { throw std::runtime_error("outside"); });
      ASSERT_TRUE(failing);
      EXPECT_THROW(failing->join(), std::runtime_error);
    }
    end.store(true);
  });
  run([&end] {
    while (!end.load()) ASSERT_TRUE(sleep_for(20 * os::ns_per_us));
  });
  outside.join();
}

TEST_P(JoinHandleTest, AThreadLeavesAJoinByItsContext) {
  const CancelSource end;
  auto handle = spawn_joinable(runtime(), [context = end.context()] { context.wait(); });
  ASSERT_TRUE(handle);
  std::thread outside([&] {
    const auto timed = CancelSource::with_timeout(os::ns_per_ms);
    const auto waited = handle->wait(timed.context());
    ASSERT_FALSE(waited);
    EXPECT_EQ(waited.error().code, ETIMEDOUT);
    EXPECT_FALSE(handle->finished());
    end.cancel();
    handle->join();
  });
  run([] {});
  outside.join();
}

// --- leaving a join ------------------------------------------------------------------------------

class JoinHandleTimeTest : public RuntimeTest {
 protected:
  VirtualClock* clock() override { return &clock_; }

  VirtualClock clock_;
};
C1M_FOR_ALL_PROCESSOR_COUNTS(JoinHandleTimeTest);

TEST_P(JoinHandleTimeTest, AWaitEndsByItsContextAndTheJoinComesLater) {
  run([] {
    auto handle = spawn_joinable([] {
      EXPECT_TRUE(sleep_for(5 * os::ns_per_s));
      return 7;
    });
    ASSERT_TRUE(handle);
    const auto limit = CancelSource::with_timeout(3 * os::ns_per_s);
    const auto waited = handle->wait(limit.context());
    ASSERT_FALSE(waited);
    EXPECT_EQ(waited.error().code, ETIMEDOUT);
    EXPECT_EQ(now_ns(), 3 * os::ns_per_s);
    const CancelSource other;
    EXPECT_TRUE(handle->wait(other.context()));
    EXPECT_EQ(now_ns(), 5 * os::ns_per_s);
    EXPECT_EQ(handle->join(), 7);
  });
}

TEST_P(JoinHandleTimeTest, StopEndsAWaitWithADeadline) {
  run([this] {
    const CancelSource end;
    auto handle = spawn_joinable([context = end.context()] { context.wait(); });
    ASSERT_TRUE(handle);
    ASSERT_TRUE(spawn([this] { runtime().stop(); }));
    const auto limit = CancelSource::with_timeout(3600 * os::ns_per_s);
    const auto waited = handle->wait(limit.context());
    ASSERT_FALSE(waited);
    EXPECT_EQ(waited.error().code, ECANCELED);
    end.cancel();
    handle->join();
  });
}

TEST_P(JoinHandleTest, WaitsThatGiveUpRaceWithTheEnd) {
  constexpr int rounds = C1M_TSAN ? 100 : 2000;
  run([] {
    for (int round = 0; round < rounds; ++round) {
      const CancelSource limit;
      auto handle = spawn_joinable([round] {
        if (round % 2 == 0) yield();
        return round;
      });
      ASSERT_TRUE(handle);
      ASSERT_TRUE(spawn([limit] { limit.cancel(); }));
      const auto waited = handle->wait(limit.context());
      EXPECT_TRUE(waited || waited.error().code == ECANCELED);
      EXPECT_EQ(handle->join(), round);
    }
  });
}

// --- what is dropped -----------------------------------------------------------------------------

TEST_P(JoinHandleTest, ADroppedHandleLetsTheCoroutineGoOn) {
  std::atomic<int> ended = 0;
  auto value = std::make_shared<int>(0);
  run([&ended, &value] {
    auto handle = spawn_joinable([&ended, value] {
      for (int i = 0; i < 3; ++i) yield();
      ended.fetch_add(1);
      return value;
    });
    ASSERT_TRUE(handle);
  });
  EXPECT_EQ(ended.load(), 1);
  EXPECT_EQ(value.use_count(), 1) << "what nobody takes is destroyed";
}

TEST_P(JoinHandleTest, AnIgnoredExceptionIsThrownAway) {
  run([] {
    for (int yields = 0; yields < 4; yields += 3) {
      auto handle = spawn_joinable([] { throw std::runtime_error("never mind"); });
      ASSERT_TRUE(handle);
      for (int i = 0; i < yields; ++i) yield();
      handle->ignore();
    }
  });
}

void drop_a_failing_one(int yields) {
  auto runtime = Runtime::create({});
  std::ignore = (*runtime)->run([yields] {
    auto handle = spawn_joinable([] { throw std::runtime_error("out of tape"); });
    for (int i = 0; i < yields; ++i) yield();
  });
}

TEST(JoinHandleDeathTest, AnExceptionThatNobodyTakesEndsTheProcess) {
  testing::GTEST_FLAG(death_test_style) = "threadsafe";
  EXPECT_DEATH(drop_a_failing_one(0), "nobody has taken .*join_handle_test.cpp.*out of tape");
  EXPECT_DEATH(drop_a_failing_one(3), "nobody has taken .*join_handle_test.cpp.*out of tape");
}

void join_twice() {
  auto runtime = Runtime::create({});
  std::ignore = (*runtime)->run([] {
    auto handle = spawn_joinable([] { return 1; });
    handle->join();
    handle->join();
  });
}

TEST(JoinHandleDeathTest, OneIsJoinedOnce) {
  testing::GTEST_FLAG(death_test_style) = "threadsafe";
  EXPECT_DEATH(join_twice(), "joined once");
}

}  // namespace
}  // namespace c1m::runtime
