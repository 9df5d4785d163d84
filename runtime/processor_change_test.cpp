// The number of processors changes before and while coroutines run, and nothing is lost by it.
#include <atomic>
#include <random>
#include <thread>
#include <vector>

#include "os/clock.hpp"
#include "runtime/network_fixture.hpp"
#include "runtime/sleep.hpp"
#include "runtime/spawn.hpp"
#include "runtime/yield.hpp"

namespace c1m::runtime {
namespace {

class ProcessorChangeTest : public RuntimeTest {
 protected:
  static constexpr unsigned count_max = 4;

  void set(unsigned count) {
    const auto set = runtime().set_processors(count);
    ASSERT_TRUE(set) << os::describe(set.error());
    ASSERT_EQ(runtime().statistics().processors, count);
  }

  // Returns only when `count` coroutines have computed at the same time, none giving way.
  void demand_at_once(int count) {
    std::atomic<int> inside = 0;
    std::atomic<int> left = 0;
    const auto enter = [&inside, &left, count] {
      inside.fetch_add(1);
      while (inside.load() < count) {
      }
      left.fetch_add(1);
    };
    for (int i = 1; i < count; ++i) ASSERT_TRUE(spawn(enter));
    enter();
    while (left.load() < count) yield();
  }

  // Returns when no surplus processor has a worker any more.
  void settle() {
    while (runtime().statistics().processors_surplus > 0) {
      ASSERT_TRUE(sleep_for(50 * os::ns_per_us));
    }
  }
};
C1M_FOR_ALL_PROCESSOR_COUNTS(ProcessorChangeTest);

TEST_P(ProcessorChangeTest, BeforeTheRunAndBetweenRuns) {
  for (const unsigned count : {3U, 1U, 2U}) {
    set(count);
    run([this, count] { demand_at_once(static_cast<int>(count)); });
  }
}

TEST_P(ProcessorChangeTest, MoreAndFewerWhileRunning) {
  run([this] {
    for (const unsigned count : {4U, 2U, 3U, 1U, 4U}) {
      set(count);
      demand_at_once(static_cast<int>(count));
    }
  });
}

TEST_P(ProcessorChangeTest, FewerMeansFewerAtTheSameTime) {
  std::atomic<int> inside = 0;
  std::atomic<int> inside_max = 0;
  std::atomic<int> ended = 0;
  run([&] {
    set(4);
    demand_at_once(4);
    set(2);
    settle();
    for (int i = 0; i < 8; ++i) {
      ASSERT_TRUE(spawn([&] {
        for (int round = 0; round < 200; ++round) {
          const int now = inside.fetch_add(1) + 1;
          int most = inside_max.load();
          while (now > most && !inside_max.compare_exchange_weak(most, now)) {
          }
          inside.fetch_sub(1);
          yield();
        }
        ended.fetch_add(1);
      }));
    }
    while (ended.load() < 8) yield();
  });
  EXPECT_LE(inside_max.load(), 2);
}

TEST_P(ProcessorChangeTest, TheLastToRunMayLeaveAndTheRunStillEnds) {
  for (int i = 0; i < 50; ++i) {
    set(4);
    run([this] {
      // With luck it goes on on a processor that is then surplus, while the others sleep.
      demand_at_once(4);
      ASSERT_TRUE(spawn([this] { set(1); }));
    });
  }
}

TEST_P(ProcessorChangeTest, TimersMoveAndFire) {
  std::atomic<int> woke = 0;
  run([&] {
    set(4);
    for (int i = 0; i < many / 10; ++i) {
      ASSERT_TRUE(spawn([&woke, i] {
        ASSERT_TRUE(sleep_for((10 + i % 20) * os::ns_per_ms));
        woke.fetch_add(1);
      }));
    }
    demand_at_once(4);
    set(1);
    settle();
    ASSERT_TRUE(sleep_for(5 * os::ns_per_ms));
    set(3);
  });
  EXPECT_EQ(woke.load(), many / 10);
}

TEST_P(ProcessorChangeTest, StopFindsTimersThatHaveMoved) {
  run([this] {
    set(4);
    for (int i = 0; i < 100; ++i) {
      ASSERT_TRUE(spawn([] { EXPECT_FALSE(sleep_for(os::ns_per_s * 3600)); }));
    }
    demand_at_once(4);
    set(1);
    settle();
    runtime().stop();
  });
}

TEST_P(ProcessorChangeTest, OutsideItsRangeIsRefused) {
  for (const unsigned count : {0U, processors_max + 1}) {
    const auto set = runtime().set_processors(count);
    ASSERT_FALSE(set);
    EXPECT_EQ(set.error().code, EINVAL);
  }
  EXPECT_EQ(runtime().statistics().processors, GetParam());
}

TEST_P(ProcessorChangeTest, AsManyAsThereMayBe) {
  std::atomic<int> ran = 0;
  run([&] {
    set(C1M_TSAN ? 64 : processors_max);
    for (int i = 0; i < 500; ++i) ASSERT_TRUE(spawn([&ran] { ran.fetch_add(1); }));
    while (ran.load() < 500) yield();
    set(1);
    settle();
  });
}

// Coroutines that yield, sleep and echo, while one of them and a thread change the number at
// random. Each ends, with all its bytes and sleeps.
TEST_P(ProcessorChangeTest, AtRandomUnderLoad) {
  static constexpr int rounds = C1M_TSAN ? 50 : 300;
  constexpr int each = 8;
  std::atomic<int> at_work = 3 * each;
  std::atomic<bool> begun = false;
  const auto change = [&](std::mt19937& random) {
    ASSERT_TRUE(runtime().set_processors(1 + random() % count_max));
  };
  std::thread changer([&] {
    std::mt19937 random(1);
    while (!begun.load()) std::this_thread::yield();
    while (at_work.load() > 0) {
      change(random);
      std::this_thread::sleep_for(std::chrono::microseconds(random() % 300));
    }
  });
  run([&] {
    begun.store(true);
    for (int i = 0; i < each; ++i) {
      ASSERT_TRUE(spawn([&] {
        for (int round = 0; round < 10 * rounds; ++round) yield();
        at_work.fetch_sub(1);
      }));
      ASSERT_TRUE(spawn([&, i] {
        for (int round = 0; round < rounds; ++round) {
          ASSERT_TRUE(sleep_for((round * 7 + i) % 50 * os::ns_per_us));
        }
        at_work.fetch_sub(1);
      }));
      ASSERT_TRUE(spawn([&at_work, pair = connect_pair()] mutable {
        ASSERT_TRUE(spawn([server = std::move(pair.server)] mutable {
          std::array<std::byte, 8> bytes{};
          for (;;) {
            const auto got = server.read(bytes);
            ASSERT_TRUE(got);
            if (*got == 0) break;
            ASSERT_TRUE(server.write(std::span(bytes).first(*got)));
          }
        }));
        for (int round = 0; round < rounds; ++round) {
          const std::array sent{static_cast<std::byte>(round)};
          std::array<std::byte, 1> back{};
          ASSERT_TRUE(pair.client.write(sent));
          ASSERT_TRUE(pair.client.read(back));
          ASSERT_EQ(back, sent);
        }
        at_work.fetch_sub(1);
      }));
    }
    std::mt19937 random(2);
    while (at_work.load() > 0) {
      change(random);
      ASSERT_TRUE(sleep_for(random() % 200 * os::ns_per_us));
    }
  });
  changer.join();
}

}  // namespace
}  // namespace c1m::runtime
