// Freezing where the system refuses: without memory for the frames, or for pages that the kernel
// keeps, frames stay where they are, nothing is counted, and every wait goes on.
#include <sys/mman.h>
#include <sys/resource.h>

#include <atomic>
#include <cstdint>
#include <tuple>

#include <gtest/gtest.h>

#include "runtime/channel.hpp"
#include "runtime/freezer_fixture.hpp"
#include "runtime/frozen_pool.hpp"

namespace c1m::runtime {
namespace {

class FreezerFailureTest : public FreezerTest {};
C1M_FOR_ALL_PROCESSOR_COUNTS(FreezerFailureTest);

// While it lives the process gets no further memory mappings; who needs one meanwhile fails.
class NoMoreMappings {
 public:
  NoMoreMappings() {
    EXPECT_EQ(::getrlimit(RLIMIT_AS, &before_), 0);
    const rlimit none{.rlim_cur = 1, .rlim_max = before_.rlim_max};
    EXPECT_EQ(::setrlimit(RLIMIT_AS, &none), 0);
  }
  NoMoreMappings(const NoMoreMappings&) = delete;
  NoMoreMappings& operator=(const NoMoreMappings&) = delete;
  ~NoMoreMappings() { EXPECT_EQ(::setrlimit(RLIMIT_AS, &before_), 0); }

 private:
  rlimit before_{};
};

TEST_P(FreezerFailureTest, WithoutMemoryForTheFramesTheyStayAndTheirWaitsGoOn) {
  if (!freezing_works || C1M_TSAN) GTEST_SKIP() << "not with sanitizers, which map memory";
  constexpr int count = 100;
  Holders holders;
  run([&] {
    spawn_holders(holders, count);
    for (int i = 0; i < 20; ++i) yield();
    {
      const NoMoreMappings fault;
      EXPECT_EQ(runtime().freeze_idle(0).coroutines, 0U);
    }
    EXPECT_EQ(runtime().statistics().stack_freezes, 0U);
    freeze_until(count);
    for (int i = 0; i < count; ++i) ASSERT_TRUE(holders.numbers.send(i));
    while (runtime().live() > 1) yield();
  });
  EXPECT_EQ(holders.intact.load(), count);
}

// Locked pages are refused to MADV_DONTNEED, after it has released those before them.
TEST_P(FreezerFailureTest, WhosePagesTheKernelKeepsAreNotFrozen) {
  if (!freezing_works || C1M_TSAN)
    GTEST_SKIP() << "not with sanitizers, whose mlock() does nothing";
  constexpr int count = 9;
  std::atomic<int> intact = 0;
  std::atomic<int> parking = 0;
  std::atomic<int> locked = 0;
  Channel<int> numbers;  // outlives all that wait for it
  run([&] {
    for (int i = 0; i < count; ++i) {
      const auto body = [&, i] {
        std::uint32_t here = 0;
        const bool locks = i == count / 2;
        if (locks && ::mlock(&here, sizeof here) == 0) ++locked;
        const auto park = [&] {
          ++parking;
          std::ignore = numbers.receive();
        };
        if (hold_frames(static_cast<std::uint32_t>(i) * 100, i % 3, park)) ++intact;
        if (locks) std::ignore = ::munlock(&here, sizeof here);
      };
      ASSERT_TRUE(spawn(body, freezable));
    }
    while (parking < count) yield();
    for (int i = 0; i < 20; ++i) yield();
    const FreezeOutcome outcome = runtime().freeze_idle(0);
    EXPECT_EQ(locked.load(), 1) << "mlock of one page, for which RLIMIT_MEMLOCK must have room";
    EXPECT_LT(outcome.coroutines, static_cast<std::uint64_t>(count));
    const RuntimeStatistics now = runtime().statistics();
    EXPECT_EQ(now.stack_freezes, outcome.coroutines);
    EXPECT_EQ(now.stack_bytes_released, outcome.released_bytes);
    for (int i = 0; i < count; ++i) ASSERT_TRUE(numbers.send(i));
    while (runtime().live() > 1) yield();
    EXPECT_EQ(runtime().statistics().stack_thaws, outcome.coroutines);
  });
  EXPECT_EQ(intact.load(), count);
}

TEST(FrozenPool, WithoutMemoryThereIsNoBlockAndLaterThereIs) {
  if (!freezing_works || C1M_TSAN) GTEST_SKIP() << "not with sanitizers, which map memory";
  FrozenPool pool;
  FrozenCache cache;
  std::byte* block = nullptr;
  {
    const NoMoreMappings fault;
    block = cache.try_take(100, pool);
  }
  EXPECT_EQ(block, nullptr);
  EXPECT_EQ(pool.carved_bytes(), 0U);
  block = cache.try_take(100, pool);
  ASSERT_NE(block, nullptr);
  cache.give_back(block, 100, pool);
}

}  // namespace
}  // namespace c1m::runtime
