// What only the monitor can do: each of these would hang without it.
#include <atomic>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>

#include "runtime/blocking.hpp"
#include "runtime/network_fixture.hpp"
#include "runtime/sleep.hpp"
#include "runtime/spawn.hpp"
#include "runtime/yield.hpp"

namespace c1m::runtime {
namespace {

// Blocks the thread, not the coroutine, until `flag` is set.
void block_until(const std::atomic<bool>& flag) {
  while (!flag.load()) std::this_thread::sleep_for(std::chrono::microseconds(50));
}

class BlockingTest : public RuntimeTest {};
C1M_FOR_ALL_PROCESSOR_COUNTS(BlockingTest);

TEST_P(BlockingTest, ReturnsTheValueAndThrowsTheException) {
  run([] {
    EXPECT_EQ(blocking([] { return std::string("value"); }), "value");
    int ran = 0;
    blocking([&ran] { ++ran; });
    EXPECT_EQ(ran, 1);
    EXPECT_EQ(blocking([] { return std::make_unique<int>(7); }).operator*(), 7);
    try {
      blocking([] { throw std::runtime_error("from the call"); });
      ADD_FAILURE() << "it throws";
    } catch (const std::runtime_error& error) {
      yield();
      EXPECT_STREQ(error.what(), "from the call");
    }
  });
  EXPECT_EQ(runtime().statistics().blocking_calls, 4U);
}

TEST_P(BlockingTest, HasAThreadsStack) {
  run([] {
    EXPECT_EQ(blocking([] {
                volatile char large[512 * 1024];  // more than a coroutine's whole stack
                large[0] = 1;
                large[sizeof large - 1] = 1;
                return large[0] + large[sizeof large - 1];
              }),
              2);
  });
}

TEST_P(BlockingTest, OthersRunWhileACallLasts) {
  std::atomic<bool> flag = false;
  run([&flag] {
    ASSERT_TRUE(spawn([&flag] {
      ASSERT_TRUE(sleep_for(os::ns_per_ms));
      flag.store(true);
    }));
    blocking([&flag] { block_until(flag); });
  });
}

TEST_P(BlockingTest, ManyCallsLastAtTheSameTime) {
  // Each call waits for all others to have begun, so each needs a thread.
  static constexpr int calls = 20;
  std::atomic<int> begun = 0;
  std::atomic<int> ended = 0;
  run([&] {
    for (int i = 0; i < calls; ++i) {
      ASSERT_TRUE(spawn([&] {
        blocking([&begun] {
          begun.fetch_add(1);
          while (begun.load() < calls) std::this_thread::sleep_for(std::chrono::microseconds(100));
        });
        yield();
        ended.fetch_add(1);
      }));
    }
  });
  EXPECT_EQ(ended.load(), calls);
}

TEST_P(BlockingTest, ShortAndLongCallsMixWithOtherWork) {
  constexpr int coroutines = C1M_TSAN ? 50 : 200;
  std::atomic<int> sum = 0;
  run([&sum] {
    for (int i = 0; i < coroutines; ++i) {
      ASSERT_TRUE(spawn([&sum, i] {
        for (int round = 0; round < 5; ++round) {
          sum.fetch_add(blocking([i, round] {
            if ((i + round) % 10 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
            return 1;
          }));
          yield();
        }
      }));
    }
  });
  EXPECT_EQ(sum.load(), 5 * coroutines);
}

TEST_P(BlockingTest, TheRuntimeCanRunAgainWithFreshWorkers) {
  for (int i = 0; i < 3; ++i) {
    std::atomic<bool> flag = false;
    run([&flag] {
      ASSERT_TRUE(spawn([&flag] { flag.store(true); }));
      blocking([&flag] { block_until(flag); });
    });
  }
}

class MonitorTest : public RuntimeTest {};
INSTANTIATE_TEST_SUITE_P(Processors, MonitorTest, testing::Values(2U, 4U));

// Computes, never giving way.
void compute_until(const std::atomic<bool>& flag) {
  while (!flag.load(std::memory_order_relaxed)) {
  }
}

TEST_P(MonitorTest, ATimerFiresAlthoughItsProcessorComputes) {
  std::atomic<bool> fired = false;
  run([&fired] {
    ASSERT_TRUE(spawn([&fired] {
      ASSERT_TRUE(sleep_for(2 * os::ns_per_ms));
      fired.store(true);
    }));
    yield();
    compute_until(fired);
  });
}

TEST_P(MonitorTest, TheNetworkIsAttendedAlthoughAProcessorComputes) {
  std::atomic<bool> answered = false;
  run([&] {
    auto pair = connect_pair();
    ASSERT_TRUE(spawn([&answered, stream = std::move(pair.server)] mutable {
      std::array<std::byte, 1> byte{};
      ASSERT_TRUE(stream.read(byte));
      answered.store(true);
    }));
    ASSERT_TRUE(sleep_for(os::ns_per_ms));
    ASSERT_TRUE(pair.client.write(std::array<std::byte, 1>{}));
    compute_until(answered);
  });
}

TEST_P(MonitorTest, TheNetworkIsLookedAtAlthoughAllProcessorsCompute) {
  std::atomic<unsigned> computing = 0;
  std::atomic<bool> found = false;
  run([&] {
    auto pair = connect_pair();
    ASSERT_TRUE(spawn([stream = std::move(pair.server)] mutable {
      std::array<std::byte, 1> byte{};
      ASSERT_TRUE(stream.read(byte));
    }));
    ASSERT_TRUE(sleep_for(os::ns_per_ms));
    for (unsigned i = 1; i < GetParam(); ++i) {
      ASSERT_TRUE(spawn([&] {
        computing.fetch_add(1);
        compute_until(found);
      }));
    }
    while (computing.load() < GetParam() - 1) {
    }
    EXPECT_EQ(runtime().statistics().coroutines_runnable, 0U);
    ASSERT_TRUE(pair.client.write(std::array<std::byte, 1>{}));
    // The reader cannot run, but it must be found.
    while (runtime().statistics().coroutines_runnable == 0) {
    }
    found.store(true);
  });
}

}  // namespace
}  // namespace c1m::runtime
