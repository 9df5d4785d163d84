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

TEST_P(StackPoolTest, ManyFreeStacksGiveTheirPagesBackTheWarmOnesDoNot) {
  const std::size_t count = 2 * StackPool::warm_stacks_max + 1;
  std::vector<Stack> stacks;
  for (std::size_t i = 0; i < count; ++i) {
    stacks.push_back(*pool_.take());
    pool_.usable(stacks.back()).back() = std::byte{42};
  }
  for (const Stack stack : stacks) pool_.give_back(stack);
  EXPECT_EQ(pool_.usable(stacks.back()).back(), std::byte{42});
  EXPECT_EQ(pool_.usable(stacks.front()).back(), std::byte{0}) << "its page was released";
  // And the cold ones are stacks as before.
  for (std::size_t i = 0; i < count; ++i) {
    const Stack stack = *pool_.take();
    pool_.usable(stack).back() = std::byte{1};
  }
  EXPECT_EQ(pool_.carved(), count);
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
