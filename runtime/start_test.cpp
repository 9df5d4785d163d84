// Functions that coroutines begin with: of every kind, destroyed once, on the coroutine or with the
// runtime, and their blocks are used again.
#include "runtime/start.hpp"

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <numeric>
#include <string>
#include <utility>

#include "runtime/runtime_fixture.hpp"
#include "runtime/spawn.hpp"
#include "runtime/wait.hpp"
#include "runtime/wait_group.hpp"
#include "runtime/yield.hpp"

namespace c1m::runtime {
namespace {

class StartTest : public RuntimeTest {};
C1M_FOR_ALL_PROCESSOR_COUNTS(StartTest);

std::atomic<int> calls_of_plain_function = 0;
void plain_function() {
  calls_of_plain_function.fetch_add(1);
}

// With an alignment that no block has, and only movable.
struct alignas(128) Aligned {
  std::atomic<int>* calls;
  std::unique_ptr<int> number = std::make_unique<int>(7);

  void operator()() const {
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(this) % 128, 0U);
    EXPECT_EQ(*number, 7);
    calls->fetch_add(1);
  }
};

TEST_P(StartTest, FunctionsOfEveryKindAreCalledOnce) {
  calls_of_plain_function.store(0);
  std::atomic<int> calls = 0;
  run([&] {
    const auto lambda = [&calls] { calls.fetch_add(1); };
    ASSERT_TRUE(spawn(lambda));  // a copy
    ASSERT_TRUE(spawn(plain_function));
    ASSERT_TRUE(spawn(std::function<void()>(lambda)));
    ASSERT_TRUE(spawn(std::move_only_function<void()>(lambda)));
    ASSERT_TRUE(spawn(Aligned{.calls = &calls}));
    ASSERT_TRUE(spawn([&calls, one = std::make_unique<int>(1)] { calls.fetch_add(*one); }));
    const std::string text(100, 'x');  // const, so that the lambda's move may throw
    ASSERT_TRUE(spawn([&calls, text] { calls.fetch_add(text == std::string(100, 'x') ? 1 : 0); }));
    std::array<std::uint8_t, 4'000> large{};
    large.back() = 1;  // too much to be moved to a stack
    ASSERT_TRUE(
        spawn([&calls, large] { calls.fetch_add(std::reduce(large.begin(), large.end())); }));
    ASSERT_TRUE(runtime().spawn([&calls, count = 0] mutable { calls.fetch_add(++count); }));
  });
  EXPECT_EQ(calls.load(), 8);
  EXPECT_EQ(calls_of_plain_function.load(), 1);
}

TEST_P(StartTest, AFunctionIsDestroyedOnItsCoroutineWhenThatEnds) {
  const auto held = std::make_shared<int>(0);
  run([&held] {
    for (int i = 0; i < 100; ++i) {
      ASSERT_TRUE(spawn([held] {
        yield();
        EXPECT_GE(held.use_count(), 2);
      }));
    }
  });
  EXPECT_EQ(held.use_count(), 1);
}

TEST_P(StartTest, WhatNeverRunsIsDestroyedWithTheRuntime) {
  const auto held = std::make_shared<int>(0);
  {
    auto never_run = Runtime::create({.processors = GetParam()});
    ASSERT_TRUE(never_run);
    for (const StackPolicy policy : {StackPolicy::dedicated, StackPolicy::compact}) {
      ASSERT_TRUE((*never_run)->spawn([held] { ADD_FAILURE() << "it runs"; }, {.stack = policy}));
    }
    EXPECT_EQ(held.use_count(), 3);
  }
  EXPECT_EQ(held.use_count(), 1);
}

TEST_P(StartTest, BlocksAreUsedAgain) {
  if (GetParam() != 1) GTEST_SKIP() << "each processor keeps some";
  run([] {
    const FrozenPool& blocks = worker_of_caller().scheduler().blocks();
    std::size_t carved = 0;
    for (int round = 0; round < 20; ++round) {
      WaitGroup group(100);
      for (int i = 0; i < 100; ++i) {
        const std::array<std::uint64_t, 8> numbers{};
        ASSERT_TRUE(spawn([&group, numbers] {
          if (numbers[0] == 0) group.done();
        }));
      }
      group.wait();
      if (round == 0) carved = blocks.carved_bytes();
    }
    EXPECT_EQ(blocks.carved_bytes(), carved);
  });
}

TEST(StartDeathTest, AnEmptyFunctionIsRefused) {
  testing::GTEST_FLAG(death_test_style) = "threadsafe";
  auto runtime = Runtime::create({});
  ASSERT_TRUE(runtime);
  EXPECT_DEATH(std::ignore = (*runtime)->spawn(std::move_only_function<void()>()),
               "a coroutine has a function to run");
}

}  // namespace
}  // namespace c1m::runtime
