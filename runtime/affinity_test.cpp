// A pinned coroutine stays on its processor and one with a thread lock on its thread, whatever they
// wait for; the others go on.
#include "runtime/affinity.hpp"

#include <atomic>
#include <set>
#include <thread>

#include "os/clock.hpp"
#include "runtime/blocking.hpp"
#include "runtime/mutex.hpp"
#include "runtime/network_fixture.hpp"
#include "runtime/sleep.hpp"
#include "runtime/spawn.hpp"
#include "runtime/yield.hpp"

namespace c1m::runtime {
namespace {

class AffinityTest : public RuntimeTest {
 protected:
  static constexpr int rounds = C1M_TSAN ? 30 : 200;

  // Others that yield and sleep, so that there is something to steal and to be stolen by.
  static void spawn_traffic(const std::atomic<bool>& done) {
    for (int i = 0; i < 8; ++i) {
      ASSERT_TRUE(spawn([&done, i] {
        while (!done.load()) {
          yield();
          if (i % 2 == 0) {
            ASSERT_TRUE(sleep_for(10 * os::ns_per_us));
          }
        }
      }));
    }
  }

  // Every way to wait, once; `check` must hold after each.
  template <class Check>
  static void wait_in_every_way(StreamPair& pair, Check check) {
    yield();
    check();
    ASSERT_TRUE(sleep_for(20 * os::ns_per_us));
    check();
    blocking([] {});
    check();
    ASSERT_TRUE(pair.client.write(std::array<std::byte, 1>{}));
    std::array<std::byte, 1> byte{};
    ASSERT_TRUE(pair.server.read(byte));
    check();
  }
};
C1M_FOR_ALL_PROCESSOR_COUNTS(AffinityTest);

TEST_P(AffinityTest, APinnedCoroutineStaysOnItsProcessor) {
  std::atomic<bool> done = false;
  run([&done] {
    std::atomic<int> at_work = 3;
    spawn_traffic(done);
    for (int i = 0; i < 3; ++i) {
      ASSERT_TRUE(spawn([&at_work, pair = connect_pair()] mutable {
        yield();
        const ProcessorPin pin;
        for (int round = 0; round < rounds; ++round) {
          wait_in_every_way(pair, [&pin] { ASSERT_EQ(current_processor(), pin.processor()); });
        }
        EXPECT_FALSE(pin.moved());
        at_work.fetch_sub(1);
      }));
    }
    while (at_work.load() > 0) ASSERT_TRUE(sleep_for(100 * os::ns_per_us));
    done.store(true);
  });
}

TEST_P(AffinityTest, PinnedOnesAndOthersShareAProcessor) {
  std::atomic<bool> pinned_ran = false;
  std::atomic<bool> other_ran = false;
  run([&] {
    for (int i = 0; i < 2; ++i) {
      ASSERT_TRUE(spawn([&] {
        const ProcessorPin pin;
        while (!other_ran.load()) yield();
        pinned_ran.store(true);
      }));
    }
    ASSERT_TRUE(spawn([&] {
      other_ran.store(true);
      while (!pinned_ran.load()) yield();
    }));
  });
}

TEST_P(AffinityTest, APinMovesWhenItsProcessorIsTakenAway) {
  run([this] {
    ASSERT_TRUE(runtime().set_processors(4));
    std::atomic<int> ready = 0;
    std::atomic<bool> go_on = false;
    std::atomic<int> moved = 0;
    std::atomic<int> ended = 0;
    for (int i = 0; i < 4; ++i) {
      ASSERT_TRUE(spawn([&] {
        const ProcessorPin pin;
        ready.fetch_add(1);
        while (ready.load() < 4) {  // so each is on a processor of its own
        }
        while (!go_on.load()) ASSERT_TRUE(sleep_for(50 * os::ns_per_us));
        EXPECT_EQ(current_processor(), pin.processor());
        if (pin.moved()) moved.fetch_add(1);
        ended.fetch_add(1);
      }));
    }
    // Asleep, so that this processor looks for the one that stands behind another.
    while (ready.load() < 4) ASSERT_TRUE(sleep_for(50 * os::ns_per_us));
    ASSERT_TRUE(runtime().set_processors(1));
    while (runtime().statistics().processors_surplus > 0) yield();
    go_on.store(true);
    while (ended.load() < 4) ASSERT_TRUE(sleep_for(50 * os::ns_per_us));
    EXPECT_EQ(moved.load(), 3);
    EXPECT_GE(runtime().statistics().pins_moved, 3U);
  });
}

TEST_P(AffinityTest, WithAThreadLockTheThreadStaysTheSameAndIsItsOwn) {
  constexpr int locked = 3;
  std::atomic<bool> done = false;
  run([&done] {
    std::atomic<int> at_work = locked;
    spawn_traffic(done);
    for (int i = 0; i < locked; ++i) {
      ASSERT_TRUE(spawn([&at_work, pair = connect_pair()] mutable {
        yield();
        const auto lock = ThreadLock::acquire();
        ASSERT_TRUE(lock);
        const std::thread::id mine = std::this_thread::get_id();
        for (int round = 0; round < rounds; ++round) {
          wait_in_every_way(pair, [mine] { ASSERT_EQ(std::this_thread::get_id(), mine); });
        }
        at_work.fetch_sub(1);
      }));
    }
    while (at_work.load() > 0) ASSERT_TRUE(sleep_for(100 * os::ns_per_us));
    done.store(true);
  });
}

TEST_P(AffinityTest, AThreadThatIsLockedToRunsNothingElse) {
  run([] {
    const auto lock = ThreadLock::acquire();
    ASSERT_TRUE(lock);
    const std::thread::id mine = std::this_thread::get_id();
    std::atomic<int> ended = 0;
    for (int i = 0; i < 50; ++i) {
      ASSERT_TRUE(spawn([&ended, mine] {
        for (int round = 0; round < 20; ++round) {
          EXPECT_NE(std::this_thread::get_id(), mine);
          yield();
        }
        ended.fetch_add(1);
      }));
    }
    while (ended.load() < 50) yield();
  });
}

TEST_P(AffinityTest, WhileALockedCoroutineBlocksItsThreadOthersGoOn) {
  std::atomic<bool> flag = false;
  run([&flag] {
    const auto lock = ThreadLock::acquire();
    ASSERT_TRUE(lock);
    const std::thread::id mine = std::this_thread::get_id();
    ASSERT_TRUE(spawn([&flag] { flag.store(true); }));
    blocking([&flag, mine] {
      EXPECT_EQ(std::this_thread::get_id(), mine);
      while (!flag.load()) std::this_thread::yield();
    });
    EXPECT_EQ(std::this_thread::get_id(), mine);
  });
}

TEST_P(AffinityTest, AThreadServesOthersAgainAfterTheLock) {
  run([] {
    for (int i = 0; i < 20; ++i) {
      ASSERT_TRUE(spawn([] {
        for (int round = 0; round < 5; ++round) {
          {
            const auto lock = ThreadLock::acquire();
            ASSERT_TRUE(lock);
            yield();
          }
          yield();
        }
      }));
    }
  });
}

TEST_P(AffinityTest, LocksPinsAndTheNumberOfProcessorsChangeTogether) {
  run([this] {
    std::atomic<int> at_work = 12;
    for (int i = 0; i < 12; ++i) {
      ASSERT_TRUE(spawn([&at_work, i] {
        for (int round = 0; round < rounds; ++round) {
          if (i % 3 == 0) {
            const ProcessorPin pin;
            ASSERT_TRUE(sleep_for(round % 30 * os::ns_per_us));
          } else if (i % 3 == 1) {
            const auto lock = ThreadLock::acquire();
            ASSERT_TRUE(lock);
            yield();
          } else {
            ASSERT_TRUE(sleep_for(round % 20 * os::ns_per_us));
          }
        }
        at_work.fetch_sub(1);
      }));
    }
    for (unsigned round = 0; at_work.load() > 0; ++round) {
      ASSERT_TRUE(runtime().set_processors(1 + round * 7 % 4));
      ASSERT_TRUE(sleep_for(100 * os::ns_per_us));
    }
  });
}

TEST_P(AffinityTest, MigrationsAreCounted) {
  if (GetParam() == 1) {
    run([] {
      for (int i = 0; i < 10; ++i) yield();
    });
    EXPECT_EQ(runtime().statistics().migrated, 0U);
    return;
  }
  // Both sleep and compute, so that now and then one finds its processor taken by the other.
  std::atomic<bool> seen = false;
  run([this, &seen] {
    const auto sleep_and_compute = [this, &seen] {
      while (!seen.load()) {
        ASSERT_TRUE(sleep_for(10 * os::ns_per_us));
        for (int i = 0; i < 20; ++i) {
          if (runtime().statistics().migrated > 0) seen.store(true);
        }
      }
    };
    ASSERT_TRUE(spawn(sleep_and_compute));
    sleep_and_compute();
  });
}

TEST(AffinityDeathTest, APinInsideAThreadLockIsRefused) {
  testing::GTEST_FLAG(death_test_style) = "threadsafe";
  auto runtime = Runtime::create({.processors = 1});
  ASSERT_TRUE(runtime);
  EXPECT_DEATH(std::ignore = (*runtime)->run([] {
    const auto lock = ThreadLock::acquire();
    const ProcessorPin pin;
  }),
               "one pin or thread lock at a time");
}

}  // namespace
}  // namespace c1m::runtime
