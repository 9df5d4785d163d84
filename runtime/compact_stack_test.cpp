// Compact coroutines: frames survive being copied out and in, exceptions too; those of one slot run
// one at a time on whatever processor; and few have a slot each, without copies.
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <exception>
#include <stdexcept>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "runtime/blocking.hpp"
#include "runtime/mutex.hpp"
#include "runtime/runtime_fixture.hpp"
#include "runtime/sleep.hpp"
#include "runtime/spawn.hpp"
#include "runtime/stack_slot.hpp"
#include "runtime/wait.hpp"
#include "runtime/yield.hpp"

namespace c1m::runtime {
namespace {

constexpr SpawnOptions compact{.stack = StackPolicy::compact};

// So many slots that coroutines must share.
class CompactStackTest : public RuntimeTest {
 protected:
  static constexpr std::size_t slots = 3;

  void SetUp() override {
    set_up({.processors = GetParam(), .stack_bytes = stack_bytes, .compact_slots = slots});
  }
};
C1M_FOR_ALL_PROCESSOR_COUNTS(CompactStackTest);

// Frames of a depth of its own, with contents of its own and an address that must not change.
[[gnu::noinline]] bool hold_frames(std::uint32_t number, int depth) {
  std::array<std::uint32_t, 16> values;
  std::uint32_t* volatile self = values.data();
  for (std::uint32_t i = 0; i < values.size(); ++i) values[i] = number * 31 + i;
  bool intact = true;
  if (depth > 0) {
    intact = hold_frames(number + 1, depth - 1);  // NOLINT(misc-no-recursion)
  } else {
    for (int i = 0; i < 5; ++i) yield();
  }
  for (std::uint32_t i = 0; i < values.size(); ++i) intact &= values[i] == number * 31 + i;
  return intact && self == values.data();
}

TEST_P(CompactStackTest, FramesSurviveCopies) {
  std::atomic<int> intact = 0;
  run([&] {
    for (int i = 0; i < many; ++i) {
      ASSERT_TRUE(spawn(
          [&, i] {
            if (hold_frames(static_cast<std::uint32_t>(i) * 100, i % 40)) ++intact;
          },
          compact));
      if (i % 100 == 0) yield();
    }
  });
  EXPECT_EQ(intact.load(), many);
  const RuntimeStatistics statistics = runtime().statistics();
  EXPECT_EQ(statistics.copies_out, statistics.copies_in);
  if (C1M_ASAN) {
    EXPECT_EQ(statistics.copies_out, 0U) << "dedicated stacks instead";
  } else {
    EXPECT_GE(statistics.copies_out, static_cast<std::uint64_t>(many));
    EXPECT_EQ(statistics.slots_with_stacks, slots);
    EXPECT_LE(statistics.stacks_reserved, slots + 1);
  }
}

TEST_P(CompactStackTest, ASlotGivesBackWhatItOnceGrewToAndDeepFramesStayWhole) {
  std::atomic<int> intact = 0;
  constexpr int deep = 9;
  constexpr int shallow = 2'000;  // a look is taken at one freeze in sixteen
  run([&] {
    for (int i = 0; i < deep + shallow; ++i) {
      const auto body = [&, i] {
        const auto number = static_cast<std::uint32_t>(i) * 1000;
        // The deep ones come back while the shallow ones take their turns.
        for (int turn = 0; turn < 4; ++turn) {
          if (hold_frames(number, i < deep ? 150 : 1)) ++intact;
          if (i < deep) std::ignore = sleep_for(5 * os::ns_per_ms);
        }
      };
      ASSERT_TRUE(spawn(body, compact));
    }
  });
  EXPECT_EQ(intact.load(), 4 * (deep + shallow));
  if (C1M_ASAN) return;  // no slots
  EXPECT_GT(runtime().statistics().stacks_shrunk, 0U);
}

TEST_P(CompactStackTest, FramesThatAreAlikeAreStoredShort) {
  if (C1M_ASAN) GTEST_SKIP() << "no slots";
  constexpr int count = C1M_TSAN ? 200 : 2000;
  // Each processor learns by itself, and one that seldom runs learns late: so the bound is wide.
  constexpr std::uint64_t copies_min = 20 * count;
  constexpr std::uint64_t copies_max = 50 * copies_min;
  std::atomic<int> intact = 0;
  std::atomic<bool> released = false;
  run([&] {
    for (int i = 0; i < count; ++i) {
      ASSERT_TRUE(spawn(
          [&, i] {
            std::array<int, 4> values{i, i * 3, i * 5, i * 7};
            std::array<int, 4>* volatile place = &values;
            int turns = 0;
            for (; !released; ++turns) {
              yield();
              for (int& value : *place) ++value;
            }
            const int sum = values[0] + values[1] + values[2] + values[3];
            if (sum == 16 * i + 4 * turns && place == &values) ++intact;
          },
          compact));
    }
    RuntimeStatistics statistics;
    do {
      yield();
      statistics = runtime().statistics();
    } while (statistics.copies_out < copies_min ||
             (statistics.frozen_bytes_stored >= statistics.frozen_bytes / 2 &&
              statistics.copies_out < copies_max));
    EXPECT_GE(statistics.coroutines_frozen, count / 2U);
    EXPECT_LT(statistics.frozen_bytes_stored, statistics.frozen_bytes / 2);
    released = true;
  });
  EXPECT_EQ(intact.load(), count);
}

TEST_P(CompactStackTest, TheTwoKindsMix) {
  std::atomic<int> intact = 0;
  run([&] {
    for (int i = 0; i < many; ++i) {
      const auto policy = i % 2 == 0 ? StackPolicy::compact : StackPolicy::dedicated;
      ASSERT_TRUE(spawn(
          [&, i] {
            if (hold_frames(static_cast<std::uint32_t>(i) * 100, i % 3)) ++intact;
          },
          {.stack = policy}));
      if (i % 50 == 0) yield();
    }
  });
  EXPECT_EQ(intact.load(), many);
}

TEST_P(CompactStackTest, ThoseOfOneSlotNeverRunAtTheSameTime) {
  if (C1M_ASAN) GTEST_SKIP() << "no slots";
  std::array<std::atomic<int>, 8> inside{};
  std::atomic<bool> overlapped = false;
  run([&] {
    for (int i = 0; i < 300; ++i) {
      const auto body = [&] {
        const StackSlot* slot = worker_of_caller().current().home.slot();
        auto& count = inside[reinterpret_cast<std::uintptr_t>(slot) / sizeof *slot % inside.size()];
        for (int turn = 0; turn < 30; ++turn) {
          if (count.fetch_add(1) != 0) overlapped = true;
          for (int spin = 0; spin < 50; ++spin) std::atomic_signal_fence(std::memory_order_seq_cst);
          count.fetch_sub(1);
          if (turn % 7 == 0) {
            std::ignore = sleep_for(50 * os::ns_per_us);
          } else {
            yield();
          }
        }
      };
      ASSERT_TRUE(spawn(body, compact));
    }
  });
  EXPECT_FALSE(overlapped.load());
}

TEST_P(CompactStackTest, FewHaveASlotEachAndAreNotCopied) {
  run([&] {
    for (std::size_t i = 0; i < slots; ++i) {
      ASSERT_TRUE(spawn(
          [] {
            for (int turn = 0; turn < 100; ++turn) yield();
          },
          compact));
    }
  });
  EXPECT_EQ(runtime().statistics().copies_out, 0U);
}

TEST_P(CompactStackTest, OneAfterAnotherUsesOneSlot) {
  if (C1M_ASAN) GTEST_SKIP() << "no slots";
  if (GetParam() != 1) GTEST_SKIP() << "each processor has its own favourite";
  run([&] {
    for (int i = 0; i < 100; ++i) {
      ASSERT_TRUE(spawn([] {}, compact));
      yield();
    }
  });
  EXPECT_EQ(runtime().statistics().slots_with_stacks, 1U);
  EXPECT_EQ(runtime().statistics().copies_out, 0U);
}

TEST_P(CompactStackTest, OthersOfTheSlotWakeAndAreWokenFromOtherThreads) {
  // A chain through a mutex: each holder parks under it, so that the next in line waits.
  Mutex mutex;
  int inside = 0;
  int turns = 0;
  run([&] {
    for (int i = 0; i < 100; ++i) {
      const auto body = [&] {
        for (int turn = 0; turn < 10; ++turn) {
          const std::lock_guard lock(mutex);
          EXPECT_EQ(++inside, 1);
          if (turn % 2 == 0) yield();
          ++turns;
          --inside;
        }
      };
      ASSERT_TRUE(runtime().spawn(body, compact));
    }
  });
  EXPECT_EQ(turns, 1000);
}

TEST_P(CompactStackTest, ABlockingCallKeepsItsFrames) {
  std::atomic<int> right = 0;
  run([&] {
    for (int i = 0; i < 30; ++i) {
      const auto body = [&, i] {
        for (int call = 0; call < 5; ++call) {
          int answer = 0;
          blocking([&] {
            std::this_thread::sleep_for(std::chrono::microseconds(i % 3 == 0 ? 500 : 0));
            answer = i + call;
          });
          if (answer == i + call) ++right;
          yield();
        }
      };
      ASSERT_TRUE(spawn(body, compact));
    }
  });
  EXPECT_EQ(right.load(), 150);
}

TEST_P(CompactStackTest, StopEndsTheWaitsOfFrozenOnes) {
  std::atomic<int> ended = 0;
  run([&] {
    for (int i = 0; i < 300; ++i) {
      ASSERT_TRUE(spawn(
          [&] {
            if (!sleep_for(3600 * os::ns_per_s)) ++ended;
          },
          compact));
    }
    while (runtime().statistics().timers_armed < 300) yield();
    runtime().stop();
  });
  EXPECT_EQ(ended.load(), 300);
}

struct Parks {
  ~Parks() { yield(); }
};

// Thrown through a frame whose destructor parks, caught, parked, rethrown, caught, parked.
bool throw_and_park(int number) {
  const std::string text = "exception " + std::to_string(number) + " with text on the heap";
  bool right = std::uncaught_exceptions() == 0;
  try {
    try {
      const Parks parks;
      throw std::runtime_error(text);
    } catch (const std::runtime_error& error) {
      for (int i = 0; i < 3; ++i) yield();
      right &= error.what() == text;
      throw;
    }
  } catch (const std::exception& error) {
    for (int i = 0; i < 3; ++i) yield();
    right &= error.what() == text;
  }
  return right && std::current_exception() == nullptr;
}

TEST_P(CompactStackTest, ExceptionsSurviveCopies) {
  std::atomic<int> right = 0;
  constexpr int count = C1M_TSAN ? 200 : 3000;
  run([&] {
    for (int i = 0; i < count; ++i) {
      ASSERT_TRUE(spawn(
          [&, i] {
            if (throw_and_park(i)) ++right;
          },
          compact));
    }
  });
  EXPECT_EQ(right.load(), count);
}

TEST(CompactStack, OptionsOutsideTheirRangesAreRefused) {
  EXPECT_FALSE(Runtime::create({.compact_slots = 0}));
  EXPECT_FALSE(Runtime::create({.compact_slots = compact_slots_max + 1}));
}

TEST(CompactStack, AnOverflowNamesTheCoroutine) {
  if (C1M_ASAN || C1M_TSAN) GTEST_SKIP() << "the sanitizers report overflows themselves";
  testing::GTEST_FLAG(death_test_style) = "threadsafe";
  EXPECT_DEATH(
      {
        auto runtime = Runtime::create({.processors = 2, .compact_slots = 1});
        std::ignore = (*runtime)->run([] {
          for (int i = 0; i < 10; ++i) std::ignore = spawn([] { yield(); }, compact);
          std::ignore = spawn([] { hold_frames(0, 1'000'000); }, compact);
          for (;;) yield();
        });
      },
      "coroutine [0-9]+, spawned at .*compact_stack_test.cpp:[0-9]+ .*overflowed its stack");
}

}  // namespace
}  // namespace c1m::runtime
