// Hours pass in no time and in order, with any number of processors; a clock that moves only when
// told moves only then. Nothing here waits for real time to pass.
#include "runtime/virtual_clock.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

#include "runtime/blocking.hpp"
#include "runtime/network_fixture.hpp"
#include "runtime/sleep.hpp"
#include "runtime/spawn.hpp"
#include "runtime/yield.hpp"

namespace c1m::runtime {
namespace {

constexpr os::Nanoseconds hour_ns = 3600 * os::ns_per_s;

class VirtualClockTest : public RuntimeTest {
 protected:
  VirtualClock* clock() override { return &clock_; }

  VirtualClock clock_{VirtualClock::Moves::when_idle, 7};
};
C1M_FOR_ALL_PROCESSOR_COUNTS(VirtualClockTest);

TEST_P(VirtualClockTest, SleepsOfHoursEndInOrderAndExactlyOnTime) {
  std::vector<int> order;
  std::mutex mutex;
  run([&] {
    for (const int hours : {30, 10, 20, 40}) {
      ASSERT_TRUE(spawn([&, hours] {
        ASSERT_TRUE(sleep_for(hours * hour_ns));
        EXPECT_EQ(now_ns(), 7 + hours * hour_ns);
        const std::lock_guard lock(mutex);
        order.push_back(hours);
      }));
    }
  });
  EXPECT_EQ(order, (std::vector{10, 20, 30, 40}));
  EXPECT_EQ(clock_.now_ns(), 7 + 40 * hour_ns);
}

TEST_P(VirtualClockTest, ManySleepersWakeInTheOrderOfTheirTimes) {
  std::vector<os::Nanoseconds> woke;
  std::mutex mutex;
  run([&] {
    for (int i = 0; i < many; ++i) {
      ASSERT_TRUE(spawn([&, i] {
        for (int round = 1; round <= 3; ++round) {
          const os::Nanoseconds until_ns = now_ns() + (1 + i * 7919 % many) * round * os::ns_per_s;
          ASSERT_TRUE(sleep_until(until_ns));
          ASSERT_EQ(now_ns(), until_ns) << "nobody is late while the clock stands still";
          const std::lock_guard lock(mutex);
          woke.push_back(until_ns);
        }
      }));
    }
  });
  EXPECT_EQ(woke.size(), 3U * many);
  EXPECT_TRUE(std::ranges::is_sorted(woke));
}

TEST_P(VirtualClockTest, StandsStillWhileAnybodyRuns) {
  std::atomic<bool> slept = false;
  run([&] {
    ASSERT_TRUE(spawn([&slept] {
      ASSERT_TRUE(sleep_for(1));
      slept.store(true);
    }));
    for (int i = 0; i < 1000; ++i) {
      yield();
      EXPECT_FALSE(slept.load());
    }
    EXPECT_EQ(now_ns(), 7);
  });
}

TEST_P(VirtualClockTest, WaitsForCallsThatBlock) {
  run([] {
    std::atomic<bool> called = false;
    ASSERT_TRUE(spawn([&called] {
      ASSERT_TRUE(sleep_for(hour_ns));
      EXPECT_TRUE(called.load());
    }));
    yield();
    blocking([&called] {
      // Long enough for the monitor to give the processor to another worker.
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      called.store(true);
    });
    EXPECT_EQ(now_ns(), 7);
    ASSERT_TRUE(sleep_for(2 * hour_ns));
  });
  EXPECT_EQ(clock_.now_ns(), 7 + 2 * hour_ns);
}

TEST_P(VirtualClockTest, DeadlinesOfReadsAndAcceptsEndExactlyOnTime) {
  run([] {
    auto pair = connect_pair();
    std::array<std::byte, 8> buffer{};
    for (int i = 0; i < 100; ++i) {
      const os::Nanoseconds deadline_ns = now_ns() + hour_ns;
      pair.server.set_read_deadline(deadline_ns);
      EXPECT_EQ(pair.server.read(buffer).error().code, ETIMEDOUT);
      EXPECT_EQ(now_ns(), deadline_ns);
    }
    pair.server.set_read_deadline(no_deadline);
    ASSERT_TRUE(pair.client.write(buffer));
    EXPECT_EQ(pair.server.read(buffer), buffer.size()) << "a deadline taken back has no effect";
    auto [listener, endpoint] = listen();
    listener.set_deadline(now_ns() + hour_ns);
    EXPECT_EQ(listener.accept().error().code, ETIMEDOUT);
  });
  EXPECT_EQ(clock_.now_ns(), 7 + 101 * hour_ns);
}

TEST_P(VirtualClockTest, WhatIsReadyAlreadyComesBeforeALaterTime) {
  run([] {
    const int fd = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    auto pollable = Pollable::adopt(os::Descriptor(fd));
    ASSERT_TRUE(pollable);
    for (int i = 0; i < 200; ++i) {
      std::atomic<bool> ended = false;
      ASSERT_TRUE(spawn([&] {
        pollable->read_would_block();
        pollable->set_read_deadline(now_ns() + 2);
        EXPECT_TRUE(pollable->wait_readable());
        ended.store(true);
      }));
      ASSERT_TRUE(sleep_for(1));
      const std::uint64_t one = 1;
      ASSERT_EQ(::write(fd, &one, sizeof one), static_cast<ssize_t>(sizeof one));
      ASSERT_TRUE(sleep_for(hour_ns));
      EXPECT_TRUE(ended.load());
    }
  });
}

TEST_P(VirtualClockTest, StopEndsSleepsBeforeTheirTime) {
  std::atomic<int> canceled = 0;
  run([&] {
    for (int i = 0; i < 100; ++i) {
      ASSERT_TRUE(spawn([&canceled] {
        const auto slept = sleep_for(10 * hour_ns);
        ASSERT_FALSE(slept);
        EXPECT_EQ(slept.error().code, ECANCELED);
        canceled.fetch_add(1);
      }));
    }
    ASSERT_TRUE(sleep_for(hour_ns));
    runtime().stop();
    EXPECT_FALSE(sleep_for(os::ns_per_s)) << "nor does a new one begin";
  });
  EXPECT_EQ(canceled.load(), 100);
  EXPECT_EQ(clock_.now_ns(), 7 + hour_ns);
}

TEST_P(VirtualClockTest, ServesOneRuntimeAfterAnother) {
  run([] { ASSERT_TRUE(sleep_for(hour_ns)); });
  run([] { ASSERT_TRUE(sleep_for(hour_ns)); });
  EXPECT_EQ(clock_.now_ns(), 7 + 2 * hour_ns);
}

class ManualTimeTest : public RuntimeTest {
 protected:
  VirtualClock* clock() override { return &clock_; }

  VirtualClock clock_{VirtualClock::Moves::when_told};
};
C1M_FOR_ALL_PROCESSOR_COUNTS(ManualTimeTest);

TEST_P(ManualTimeTest, MovesOnlyWhenToldAndWakesWhoIsDue) {
  std::atomic<int> woke = 0;
  run([&] {
    for (int hours = 1; hours <= 3; ++hours) {
      ASSERT_TRUE(spawn([&woke, hours] {
        ASSERT_TRUE(sleep_for(hours * hour_ns));
        woke.fetch_add(1);
      }));
    }
    while (runtime().statistics().timers_armed < 3) yield();
    clock_.advance(hour_ns - 1);
    for (int i = 0; i < 100; ++i) yield();
    EXPECT_EQ(woke.load(), 0);
    for (int hours = 1; hours <= 3; ++hours) {
      clock_.advance(hours == 1 ? 1 : hour_ns);
      while (woke.load() < hours) yield();
      for (int i = 0; i < 100; ++i) yield();
      EXPECT_EQ(woke.load(), hours);
    }
  });
}

TEST_P(ManualTimeTest, AnotherThreadMayMoveItWhileAllSleep) {
  constexpr int sleeps = C1M_TSAN ? 200 : 2000;
  std::atomic<int> slept = 0;
  std::thread mover([&] {
    // Once for each sleep, so that a move that nobody notices is not made good by the next; at a
    // moment at which the workers may be on their way to sleep, asleep, or awake again.
    for (int i = 0; i < sleeps; ++i) {
      while (runtime().statistics().timers_armed == 0) std::this_thread::yield();
      if (i % 8 == 0) std::this_thread::sleep_for(std::chrono::microseconds(100));
      for (int spin = i % 300 * 10; spin > 0; --spin)
        std::atomic_signal_fence(std::memory_order_seq_cst);
      clock_.advance(os::ns_per_s);
      while (slept.load() <= i) std::this_thread::yield();
    }
  });
  run([&slept] {
    for (int i = 0; i < sleeps; ++i) {
      ASSERT_TRUE(sleep_for(os::ns_per_s));
      slept.fetch_add(1);
    }
  });
  mover.join();
  EXPECT_EQ(clock_.now_ns(), sleeps * os::ns_per_s) << "it has not moved by itself";
}

TEST_P(ManualTimeTest, DataComesWithoutTimePassing) {
  run([this] {
    auto pair = connect_pair();
    ASSERT_TRUE(spawn([&pair] {
      std::array<std::byte, 4> buffer{};
      for (int i = 0; i < 100; ++i) {
        ASSERT_TRUE(pair.server.read(buffer));
        ASSERT_TRUE(pair.server.write(buffer));
      }
    }));
    std::array<std::byte, 4> buffer{};
    for (int i = 0; i < 100; ++i) {
      pair.client.set_read_deadline(now_ns() + 1);
      ASSERT_TRUE(pair.client.write(buffer));
      EXPECT_EQ(pair.client.read(buffer), buffer.size());
    }
    EXPECT_EQ(clock_.now_ns(), 0);
  });
}

}  // namespace
}  // namespace c1m::runtime
