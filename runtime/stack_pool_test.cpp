// Stacks: apart from each other, guarded either way, reused warm, cooled when many are free; and a
// coroutine that runs off its own is named.
#include "runtime/stack_pool.hpp"

#include <set>
#include <vector>

#include <gtest/gtest.h>

#include "runtime/runtime.hpp"
#include "runtime/sanitizer.hpp"
#include "runtime/spawn.hpp"
#include "runtime/yield.hpp"

namespace c1m::runtime {
namespace {

class StackPoolTest : public testing::TestWithParam<os::GuardKind> {
 protected:
  StackPool pool_{20'000, GetParam()};
};
INSTANTIATE_TEST_SUITE_P(Guards, StackPoolTest,
                         testing::Values(os::GuardKind::marker, os::GuardKind::mapping));

TEST_P(StackPoolTest, StacksDoNotOverlapAndAreWritableFromTopToGuard) {
  std::vector<Stack> stacks;
  std::set<std::byte*> seen;
  for (int i = 0; i < 1500; ++i) {  // more than one arena
    const auto stack = pool_.take();
    ASSERT_TRUE(stack);
    const auto usable = pool_.usable(*stack);
    EXPECT_EQ(usable.data(), stack->guard + os::page_bytes());
    EXPECT_LE(usable.data() + usable.size(), stack->guard + pool_.stack_bytes());
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(usable.data() + usable.size()) % 64, 0U);
    usable.front() = usable.back() = std::byte{1};
    EXPECT_TRUE(seen.insert(stack->guard).second);
    stacks.push_back(*stack);
  }
  for (const Stack stack : stacks) pool_.give_back(stack);
  EXPECT_EQ(pool_.free(), 1500U);
  EXPECT_EQ(pool_.carved(), 1500U);
}

TEST_P(StackPoolTest, TheLastGivenBackIsTheFirstTaken) {
  const Stack first = *pool_.take();
  const Stack second = *pool_.take();
  pool_.give_back(second);
  pool_.give_back(first);
  EXPECT_EQ(pool_.take()->guard, first.guard);
  EXPECT_EQ(pool_.take()->guard, second.guard);
}

TEST_P(StackPoolTest, TheGuardFaults) {
  const Stack stack = *pool_.take();
  volatile std::byte* below = pool_.usable(stack).data();
  *below = std::byte{1};
  EXPECT_DEATH(*(below - 1) = std::byte{1}, "");
}

TEST_P(StackPoolTest, TopsHaveDifferentColours) {
  std::set<std::uintptr_t> colours;
  for (int i = 0; i < 16; ++i) {
    const auto usable = pool_.usable(*pool_.take());
    colours.insert(reinterpret_cast<std::uintptr_t>(usable.data() + usable.size()) %
                   os::page_bytes());
  }
  EXPECT_EQ(colours.size(), 16U);
}

class StackReclaimTest : public StackPoolTest {
 protected:
  static constexpr std::size_t count = 2 * StackPool::warm_stacks_max + 500;

  // All at once, with a mark in each.
  std::vector<Stack> take_all() {
    std::vector<Stack> stacks;
    for (std::size_t i = 0; i < count; ++i) {
      stacks.push_back(*pool_.take());
      pool_.usable(stacks.back()).back() = std::byte{42};
    }
    return stacks;
  }
  void give_all_back(const std::vector<Stack>& stacks) {
    for (const Stack stack : stacks) pool_.give_back(stack);
  }
  // Whatever is due until `now_ns`.
  void reclaim_all(os::Nanoseconds now_ns) {
    while (pool_.reclaim_due_ns() <= now_ns) pool_.reclaim(now_ns);
  }
  [[nodiscard]] bool is_marked(Stack stack) const {
    return pool_.usable(stack).back() == std::byte{42};
  }
};
INSTANTIATE_TEST_SUITE_P(Guards, StackReclaimTest,
                         testing::Values(os::GuardKind::marker, os::GuardKind::mapping));

TEST_P(StackReclaimTest, WhatNobodyNeedsForASecondGivesItsPagesBackTheWarmOnesDoNot) {
  const std::vector<Stack> stacks = take_all();
  EXPECT_EQ(pool_.reclaim_due_ns(), INT64_MAX);
  give_all_back(stacks);
  reclaim_all(1000);  // begins the period
  EXPECT_EQ(pool_.reclaim_due_ns(), 1000 + StackPool::unneeded_ns);
  EXPECT_TRUE(is_marked(stacks.front()));
  reclaim_all(1000 + StackPool::unneeded_ns);
  EXPECT_FALSE(is_marked(stacks.front())) << "its page was released";
  EXPECT_TRUE(is_marked(stacks[count - StackPool::warm_stacks_max]));
  EXPECT_FALSE(is_marked(stacks[count - StackPool::warm_stacks_max - 1]));
  EXPECT_EQ(pool_.reclaim_due_ns(), INT64_MAX);
  // And the cold ones are stacks as before.
  take_all();
  EXPECT_EQ(pool_.carved(), count);
}

TEST_P(StackReclaimTest, WhatIsUsedInEverySecondStaysWarm) {
  os::Nanoseconds now_ns = 1000;
  std::vector<Stack> stacks = take_all();
  for (int second = 0; second < 5; ++second) {
    give_all_back(stacks);
    now_ns += StackPool::unneeded_ns;
    reclaim_all(now_ns);
    for (const Stack stack : stacks) ASSERT_TRUE(is_marked(stack));
    stacks = take_all();
  }
}

TEST_P(StackReclaimTest, OneCallReleasesABoundedNumber) {
  const std::vector<Stack> stacks = take_all();
  give_all_back(stacks);
  reclaim_all(1000);
  pool_.reclaim(1000 + StackPool::unneeded_ns);
  EXPECT_FALSE(is_marked(stacks[StackPool::reclaim_stacks_max - 1]));
  EXPECT_TRUE(is_marked(stacks[StackPool::reclaim_stacks_max]));
  EXPECT_LE(pool_.reclaim_due_ns(), 1000 + StackPool::unneeded_ns) << "there is more to do";
}

TEST_P(StackPoolTest, APromisedStackIsKeptForWhoTakesIt) {
  for (int i = 0; i < 3; ++i) ASSERT_EQ(*pool_.promise(3), 1U) << "one is made, no more";
  std::set<std::byte*> seen;
  for (int i = 0; i < 5; ++i) seen.insert(pool_.take()->guard);  // carves: none of the promised
  EXPECT_EQ(pool_.carved(), 8U);
  for (int i = 0; i < 3; ++i) seen.insert(pool_.take_promised().guard);
  EXPECT_EQ(seen.size(), 8U);
  EXPECT_EQ(pool_.carved(), 8U);
  pool_.give_back(Stack{.guard = *seen.begin()});
  pool_.give_back(Stack{.guard = *seen.rbegin()});
  EXPECT_EQ(*pool_.promise(5), 2U) << "as many as are free";
  EXPECT_EQ(pool_.carved(), 8U);
  pool_.take_back_promises(2);
}

TEST(StackOfACoroutine, IsTakenWhenItFirstRuns) {
  auto runtime = Runtime::create({});
  ASSERT_TRUE(runtime);
  constexpr int coroutines = 5000;
  std::set<std::uintptr_t> stacks;
  ASSERT_TRUE((*runtime)->run([&stacks] {
    for (int i = 0; i < coroutines; ++i) {
      ASSERT_TRUE(spawn([&stacks] {
        int local = 0;
        stacks.insert(reinterpret_cast<std::uintptr_t>(&local) / (64 * 1024));
      }));
    }
  }));
  // They end one after another, so one stack serves them all; their colours do not matter here.
  EXPECT_LE(stacks.size(), 2U);
  EXPECT_GE((*runtime)->statistics().stacks_reserved, 5000U);
}

[[gnu::noinline]] int recurse(int depth) {  // NOLINT(misc-no-recursion): that is the test
  volatile char frame[512];
  frame[0] = static_cast<char>(depth);
  return depth == 0 ? 0 : recurse(depth - 1) + frame[0];
}

TEST(StackOverflow, NamesTheCoroutineAndAborts) {
  if (C1M_ASAN || C1M_TSAN) GTEST_SKIP() << "the sanitizers report overflows themselves";
  testing::GTEST_FLAG(death_test_style) = "threadsafe";
  EXPECT_DEATH(
      {
        auto runtime = Runtime::create({.processors = 2});
        std::ignore = (*runtime)->run([] {
          std::ignore = spawn([] { recurse(1'000'000); });
          for (;;) yield();
        });
      },
      "coroutine [0-9]+, spawned at .*stack_pool_test.cpp:[0-9]+ .*overflowed its stack of 65536");
}

TEST(StackOverflow, OtherFaultsAreNotTakenForOne) {
  if (C1M_ASAN || C1M_TSAN) GTEST_SKIP() << "the sanitizers handle faults themselves";
  testing::GTEST_FLAG(death_test_style) = "threadsafe";
  EXPECT_EXIT(
      {
        auto runtime = Runtime::create({});
        std::ignore = (*runtime)->run([] {
          volatile int* nowhere = reinterpret_cast<int*>(8);
          *nowhere = 1;
        });
      },
      testing::KilledBySignal(SIGSEGV), "^$");
}

}  // namespace
}  // namespace c1m::runtime
