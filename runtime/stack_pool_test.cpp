// Stacks: apart from each other, guarded either way, reused warm, cooled when many are free; and a
// coroutine that runs off its own is named.
#include "runtime/stack_pool.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "os/file.hpp"
#include "runtime/runtime.hpp"
#include "runtime/sanitizer.hpp"
#include "runtime/spawn.hpp"
#include "runtime/yield.hpp"

namespace c1m::runtime {
namespace {

[[gnu::noinline]] int recurse(int depth) {  // NOLINT(misc-no-recursion): that is the test
  volatile char frame[512];
  for (std::size_t i = 0; i < sizeof(frame); i += 64) frame[i] = static_cast<char>(depth | 1);
  return depth == 0 ? 0 : recurse(depth - 1) + frame[0];
}

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

// Room for `guards` of them.
os::MappingLimit limit_for(std::uint64_t guards) {
  return {.max = 512 + 100 + 2 * guards, .present = 100};
}

TEST(GuardMappings, AreRefusedByNameWhenTheLimitIsNear) {
  StackPool pool(64 * 1024, os::GuardKind::mapping, limit_for(10));
  std::vector<Stack> stacks;
  for (int i = 0; i < 10; ++i) {
    const auto stack = pool.take();
    ASSERT_TRUE(stack) << os::describe(stack.error());
    stacks.push_back(*stack);
  }
  for (int i = 0; i < 3; ++i) {
    const auto refused = pool.take();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ENOMEM);
    EXPECT_EQ(os::describe(refused.error()).find("vm.max_map_count allows 632 mappings"), 0U);
    ASSERT_FALSE(pool.promise(1));
  }
  EXPECT_EQ(pool.carved(), 10U);
  pool.give_back(stacks);
  EXPECT_TRUE(pool.take()) << "those that there are serve on";
}

TEST(GuardMappings, AreWithoutALimitWhenTheyAreMarkers) {
  StackPool pool(64 * 1024, os::GuardKind::marker, limit_for(0));
  const auto first = pool.take();
  ASSERT_TRUE(first);
  if (!pool.take()) GTEST_SKIP() << "this kernel has no markers";
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(pool.take());
}

TEST(GuardMappings, LeaveTheProcessRoom) {
  const auto limit = os::mapping_limit();
  ASSERT_TRUE(limit);
  if (limit->max > 200'000) GTEST_SKIP() << "so many stacks would take long";
  StackPool pool(64 * 1024, os::GuardKind::mapping);
  os::Result<Stack> stack = pool.take();
  while (stack) stack = pool.take();
  EXPECT_EQ(std::string(os::describe(stack.error())).find("vm.max_map_count allows"), 0U)
      << os::describe(stack.error());
  // What the reserve is for: as many mappings again are to be had.
  std::vector<os::AddressSpace> others;
  for (std::uint64_t i = 0; i < limit->reserve() / 4; ++i) {
    auto space = os::AddressSpace::reserve(3 * os::page_bytes());
    ASSERT_TRUE(space) << os::describe(space.error());
    // In the middle, so that each is three.
    ASSERT_TRUE(os::install_guard(space->data() + os::page_bytes(), os::page_bytes(),
                                  os::GuardKind::mapping));
    others.push_back(std::move(*space));
  }
}

// One stack and its users, one after another.
class StackWatermarkTest : public StackPoolTest {
 protected:
  // The lowest byte that the stack has, the highest, and one of the pages that always stay.
  std::byte& bottom() { return pool_.usable(stack_).front(); }
  std::byte& top() { return pool_.usable(stack_).back(); }
  void be_used_to(std::size_t depth) {
    const auto used = pool_.usable(stack_).last(depth);
    std::ranges::fill(used, std::byte{7});
    pool_.user_has_left(stack_);
  }
  void be_used_to_the_bottom() { be_used_to(pool_.usable(stack_).size()); }

  const std::size_t shallow_ = os::page_bytes();
  Stack stack_ = *pool_.take();
};
INSTANTIATE_TEST_SUITE_P(Guards, StackWatermarkTest,
                         testing::Values(os::GuardKind::marker, os::GuardKind::mapping));

TEST_P(StackWatermarkTest, WhatItOnceGrewToGoesBackAfterShallowUsers) {
  for (std::uint64_t growths = 1; growths <= 3; ++growths) {
    be_used_to_the_bottom();
    for (int i = 1; i < StackPool::shallow_users; ++i) be_used_to(shallow_);
    EXPECT_EQ(bottom(), std::byte{7}) << "the next might need it again";
    be_used_to(shallow_);
    EXPECT_EQ(bottom(), std::byte{0}) << "its page was released";
    EXPECT_EQ(top(), std::byte{7});
    EXPECT_EQ(pool_.shrunk(), growths);
  }
}

TEST_P(StackWatermarkTest, WhoeverGrowsAgainFindsThePagesThere) {
  be_used_to_the_bottom();
  bottom() = std::byte{42};
  for (int i = 0; i < 100; ++i) {
    for (int shallow = 1; shallow < StackPool::shallow_users; ++shallow) be_used_to(shallow_);
    be_used_to(pool_.usable(stack_).size() - 1);
  }
  EXPECT_EQ(bottom(), std::byte{42});
  EXPECT_EQ(pool_.shrunk(), 0U);
}

TEST_P(StackWatermarkTest, AShallowStackIsLeftAlone) {
  for (int i = 0; i < 1000; ++i) be_used_to(shallow_);
  // The top is not at the end of the highest page, and may be some lines below it.
  const std::size_t colour_bytes = 15 * 64;
  be_used_to(StackPool::kept_pages * os::page_bytes() - colour_bytes);
  for (int i = 0; i < StackPool::shallow_users; ++i) be_used_to(shallow_);
  EXPECT_EQ(pool_.shrunk(), 0U);
}

// Memory of this process that it has written to.
std::size_t anonymous_bytes() {
  const std::string text = *os::read_file("/proc/self/smaps_rollup");
  const std::string_view name = "Anonymous:";
  return std::strtoull(text.c_str() + text.find(name) + name.size(), nullptr, 10) * 1024;
}

TEST_P(StackPoolTest, LookingAtAShallowStackGivesItNoMemory) {
  if (C1M_ASAN || C1M_TSAN) GTEST_SKIP() << "the sanitizers' shadows grow as well";
  std::vector<Stack> stacks(2000);
  for (Stack& stack : stacks) stack = *pool_.take();
  const std::size_t before = anonymous_bytes();
  for (Stack& stack : stacks) {
    pool_.usable(stack).back() = std::byte{1};
    pool_.user_has_left(stack);
  }
  const std::size_t grown = anonymous_bytes() - before;
  EXPECT_LT(grown, stacks.size() * os::page_bytes() * 5 / 4);
}

TEST(StackOfACoroutine, GivesBackWhatItOnceGrewTo) {
  if (C1M_ASAN || C1M_TSAN) GTEST_SKIP() << "the sanitizers' own frames grow every stack";
  auto runtime = Runtime::create({.stack_bytes = 256 * 1024});
  ASSERT_TRUE(runtime);
  const auto run = [&runtime](int depth) {
    ASSERT_TRUE((*runtime)->run([depth] { recurse(depth); }));
  };
  for (int i = 0; i < 100; ++i) run(0);
  EXPECT_EQ((*runtime)->statistics().stacks_shrunk, 0U);
  run(100);
  for (int i = 0; i < StackPool::shallow_users; ++i) run(0);
  EXPECT_EQ((*runtime)->statistics().stacks_shrunk, 1U);
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
