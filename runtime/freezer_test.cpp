// Stacks that are frozen and thawed: frames come back whole and at the same addresses, whatever
// wakes the coroutine, also in the middle of being frozen; only those that may be frozen and have
// waited long enough are; the memory really goes.
#include "runtime/freezer.hpp"

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <tuple>
#include <vector>

#include "os/file.hpp"
#include "runtime/affinity.hpp"
#include "runtime/blocking.hpp"
#include "runtime/channel.hpp"
#include "runtime/freezer_fixture.hpp"
#include "runtime/mutex.hpp"
#include "runtime/sleep.hpp"
#include "runtime/spawn.hpp"
#include "runtime/virtual_clock.hpp"
#include "runtime/yield.hpp"

namespace c1m::runtime {
namespace {

// Anonymous memory of the process.
std::uint64_t anonymous_bytes() {
  const auto text = os::read_file("/proc/self/smaps_rollup");
  constexpr std::string_view name = "Anonymous:";
  const std::size_t line = text ? text->find(name) : std::string::npos;
  if (line == std::string::npos) return 0;
  return std::strtoull(text->c_str() + line + name.size(), nullptr, 10) * 1024;
}

C1M_FOR_ALL_PROCESSOR_COUNTS(FreezerTest);

TEST_P(FreezerTest, FramesComeBackWholeAndTheMemoryGoesMeanwhile) {
  if (!freezing_works) GTEST_SKIP() << "not with AddressSanitizer";
  constexpr int count = C1M_TSAN ? 300 : 3000;
  Holders holders;
  run([&] {
    spawn_holders(holders, count);
    const std::uint64_t before = anonymous_bytes();
    freeze_until(count);
    const RuntimeStatistics frozen = runtime().statistics();
    EXPECT_EQ(frozen.coroutines_freezable, static_cast<std::uint64_t>(count));
    EXPECT_EQ(frozen.stack_freezes, static_cast<std::uint64_t>(count));
    EXPECT_GE(frozen.stack_bytes_released, count * os::page_bytes());
    EXPECT_LT(frozen.frozen_bytes_stored, count * Freezer::live_bytes_max());
    // A page each, less the blocks that hold the frames: the bound is wide.
    if (!C1M_TSAN) {
      EXPECT_LT(anonymous_bytes() + count * os::page_bytes() / 3, before);
    }
    EXPECT_EQ(runtime().freeze_idle(0).coroutines, 0U) << "all are frozen";
    for (int i = 0; i < count; ++i) ASSERT_TRUE(holders.numbers.send(i));
    while (runtime().live() > 1) yield();
    EXPECT_EQ(runtime().statistics().stack_thaws, static_cast<std::uint64_t>(count));
  });
  EXPECT_EQ(holders.intact.load(), count);
}

// Everything that wakes meets a thread that freezes all the time.
TEST_P(FreezerTest, WhoIsWokenWhileItIsFrozenRunsOnceAndWhole) {
  constexpr int pairs = C1M_TSAN ? 20 : 60;
  constexpr int turns = 300;
  std::atomic<int> intact = 0;
  std::atomic<bool> ended = false;
  std::thread freezing([&] {
    while (!ended) std::ignore = runtime().freeze_idle(0);
  });
  run([&] {
    Mutex mutex;
    for (int i = 0; i < pairs; ++i) {
      auto there = std::make_shared<Channel<int>>(0);
      auto back = std::make_shared<Channel<int>>(0);
      ASSERT_TRUE(spawn(
          [&, there, back, i] {
            bool whole = true;
            for (int turn = 0; turn < turns; ++turn) {
              const auto park = [&] {
                whole &= there->send(turn).has_value();
                if (turn % 16 == 0) std::ignore = sleep_for(20 * os::ns_per_us);
              };
              whole &= hold_frames(static_cast<std::uint32_t>(i), 1, park);
              whole &= back->receive().value_or(-1) == turn;
            }
            if (whole) ++intact;
          },
          freezable));
      ASSERT_TRUE(spawn(
          [&, there, back] {
            bool whole = true;
            for (int turn = 0; turn < turns; ++turn) {
              whole &= there->receive().value_or(-1) == turn;
              if (turn % 8 == 0) {
                const std::lock_guard lock(mutex);
                yield();
              }
              whole &= back->send(turn).has_value();
            }
            if (whole) ++intact;
          },
          freezable));
    }
    while (runtime().live() > 1) yield();
  });
  ended = true;
  freezing.join();
  EXPECT_EQ(intact.load(), 2 * pairs);
  const RuntimeStatistics statistics = runtime().statistics();
  EXPECT_EQ(statistics.stack_freezes, statistics.stack_thaws);
  if (freezing_works) {
    EXPECT_GT(statistics.stack_freezes, 0U);
  }
}

TEST_P(FreezerTest, OnlyThoseThatMayBeFrozenAndHaveLittleOnTheirStacksAre) {
  std::atomic<int> intact = 0;
  std::atomic<int> parking = 0;
  Channel<int> numbers;  // outlives all that wait for it
  run([&] {
    const auto start = [&](StackPolicy policy, int depth) {
      const auto body = [&, depth] {
        const auto park = [&] {
          ++parking;
          std::ignore = numbers.receive();
        };
        if (hold_frames(7, depth, park)) ++intact;
      };
      ASSERT_TRUE(spawn(body, {.stack = policy}));
    };
    start(StackPolicy::dedicated, 0);
    start(StackPolicy::compact, 0);
    start(StackPolicy::freezable, 100);
    while (parking < 3) yield();
    for (int i = 0; i < 20; ++i) yield();
    EXPECT_EQ(runtime().freeze_idle(0).coroutines, 0U);
    numbers.close();
  });
  EXPECT_EQ(intact.load(), 3);
}

TEST_P(FreezerTest, AnExceptionThatIsHandledComesBack) {
  std::atomic<int> right = 0;
  constexpr int count = 50;
  Channel<int> numbers;  // outlives all that wait for it
  run([&] {
    for (int i = 0; i < count; ++i) {
      const std::string text = "exception " + std::to_string(i) + " with text on the heap";
      const auto body = [&, text] {
        try {
          try {
            throw std::runtime_error(text);
          } catch (const std::runtime_error&) {
            std::ignore = numbers.receive();
            throw;
          }
        } catch (const std::exception& error) {
          if (error.what() == text && std::current_exception() != nullptr) ++right;
        }
      };
      ASSERT_TRUE(spawn(body, freezable));
    }
    if (freezing_works) freeze_until(count);
    numbers.close();
  });
  EXPECT_EQ(right.load(), count);
}

TEST_P(FreezerTest, OnesThatArePinnedOrHaveAThreadAreThawedThere) {
  std::atomic<int> right = 0;
  Channel<int> numbers;  // outlives all that wait for it
  run([&] {
    ASSERT_TRUE(spawn(
        [&] {
          const ProcessorPin pin;
          std::ignore = numbers.receive();
          if (current_processor() == pin.processor()) ++right;
        },
        freezable));
    ASSERT_TRUE(spawn(
        [&] {
          const auto lock = ThreadLock::acquire();
          const auto mine = std::this_thread::get_id();
          std::ignore = numbers.receive();
          if (std::this_thread::get_id() == mine) ++right;
        },
        freezable));
    if (freezing_works) freeze_until(2);
    numbers.close();
  });
  EXPECT_EQ(right.load(), 2);
}

TEST_P(FreezerTest, StopEndsTheWaitsOfFrozenOnes) {
  std::atomic<int> ended = 0;
  constexpr int count = 300;
  run([&] {
    for (int i = 0; i < count; ++i) {
      ASSERT_TRUE(spawn(
          [&] {
            if (!sleep_for(3600 * os::ns_per_s)) ++ended;
          },
          freezable));
    }
    if (freezing_works) freeze_until(count);
    runtime().stop();
  });
  EXPECT_EQ(ended.load(), count);
}

TEST_P(FreezerTest, ACoroutineMayFreezeOthersInsideABlockingCall) {
  if (!freezing_works) GTEST_SKIP() << "not with AddressSanitizer";
  Channel<int> numbers;  // outlives all that wait for it
  run([&] {
    ASSERT_TRUE(spawn([&] { std::ignore = numbers.receive(); }, freezable));
    std::uint64_t frozen = 0;
    while (frozen == 0) {
      yield();
      frozen = blocking([&] { return runtime().freeze_idle(0).coroutines; });
    }
    EXPECT_EQ(frozen, 1U);
    numbers.close();
  });
}

TEST_P(FreezerTest, ADumpSaysThatTheFramesAreFrozen) {
  if (!freezing_works) GTEST_SKIP() << "not with AddressSanitizer";
  Channel<int> numbers;  // outlives all that wait for it
  run([&] {
    ASSERT_TRUE(spawn([&] { std::ignore = numbers.receive(); }, freezable));
    freeze_until(1);
    const RuntimeDump dump = runtime().dump();
    EXPECT_EQ(dump.count_of(CoroutineState::waiting), 1U);
    EXPECT_NE(to_text(dump).find("the frames of this coroutine are frozen"), std::string::npos);
    numbers.close();
  });
}

// --- in virtual time -----------------------------------------------------------------------------

class FreezerInTimeTest : public FreezerTest {
 protected:
  VirtualClock* clock() override { return &clock_; }

 private:
  VirtualClock clock_;
};
C1M_FOR_ALL_PROCESSOR_COUNTS(FreezerInTimeTest);

TEST_P(FreezerInTimeTest, OnlyThoseAreFrozenThatHaveWaitedSoLong) {
  if (!freezing_works) GTEST_SKIP() << "not with AddressSanitizer";
  Channel<int> numbers;  // outlives all that wait for it
  run([&] {
    const auto start = [&](int count) {
      for (int i = 0; i < count; ++i) {
        ASSERT_TRUE(spawn([&] { std::ignore = numbers.receive(); }, freezable));
      }
      std::ignore = sleep_for(60 * os::ns_per_s);  // all of them park before time moves
    };
    start(30);
    start(20);
    EXPECT_EQ(runtime().freeze_idle(121 * os::ns_per_s).coroutines, 0U);
    EXPECT_EQ(runtime().freeze_idle(119 * os::ns_per_s).coroutines, 30U);
    EXPECT_EQ(runtime().freeze_idle(59 * os::ns_per_s).coroutines, 20U);
    EXPECT_EQ(runtime().statistics().stacks_frozen, 50U);
    numbers.close();
  });
}

// Frozen again and again in the middle of their sleeps, they end them exactly on time.
TEST_P(FreezerInTimeTest, TimeStandsStillWhileAWokenOneIsBeingFrozen) {
  std::atomic<int> late = 0;
  std::atomic<bool> ended = false;
  std::thread freezing([&] {
    while (!ended) std::ignore = runtime().freeze_idle(0);
  });
  run([&] {
    for (int i = 0; i < 40; ++i) {
      const auto body = [&, i] {
        for (int turn = 0; turn < (C1M_TSAN ? 40 : 200); ++turn) {
          const os::Nanoseconds until_ns = now_ns() + (1 + (i * 7 + turn) % 13) * os::ns_per_ms;
          std::ignore = sleep_until(until_ns);
          if (now_ns() != until_ns) ++late;
        }
      };
      ASSERT_TRUE(spawn(body, freezable));
    }
  });
  ended = true;
  freezing.join();
  EXPECT_EQ(late.load(), 0);
}

}  // namespace
}  // namespace c1m::runtime
