// Coroutines that somebody may still wake are no deadlock: a plain thread, a timer, a blocking call
// or the kernel; and nothing is looked for where the policy says so. Each waits until the runtime
// has looked, or has had the time to.
#include <array>
#include <cstddef>
#include <mutex>
#include <optional>
#include <thread>

#include "os/socket.hpp"
#include "runtime/blocking.hpp"
#include "runtime/channel.hpp"
#include "runtime/deadlock_fixture.hpp"
#include "runtime/mutex.hpp"
#include "runtime/network_fixture.hpp"
#include "runtime/sleep.hpp"
#include "runtime/spawn.hpp"
#include "runtime/wait_group.hpp"

namespace c1m::runtime {
namespace {

using NoDeadlockTest = DeadlockFixture;
C1M_FOR_ALL_PROCESSOR_COUNTS(NoDeadlockTest);

TEST_P(NoDeadlockTest, IsNotLookedForWhereThePolicyIgnoresIt) {
  std::array<Mutex, 2> forks;
  WaitGroup all_have_one(2);
  set_up_with({.on_circle = DeadlockAction::ignore, .on_all_asleep = DeadlockAction::report});
  run([&] {
    for (const std::size_t place : {0U, 1U}) {
      ASSERT_TRUE(spawn([&, place] {
        philosophers::dine(forks[place], forks[1 - place], all_have_one);
        if (place != 0) forks[place].unlock();
      }));
    }
    ASSERT_TRUE(sleep_for(idle_enough_ns));
    forks[0].unlock();
  });
  EXPECT_TRUE(reported_.empty());
}

// Waits until every coroutine waits and every worker sleeps, from another thread; and then until
// the runtime has looked.
void await_look(Runtime& runtime, std::size_t waiting) {
  for (;;) {
    const RuntimeStatistics now = runtime.statistics();
    if (now.processors_idle == now.processors &&
        runtime.dump().count_of(CoroutineState::waiting) == waiting) {
      break;
    }
    std::this_thread::yield();
  }
  std::this_thread::sleep_for(idle_enough);
}

TEST_P(NoDeadlockTest, IsNotSuspectedWhereAThreadMayHelp) {
  Channel<int> numbers;
  Mutex mutex;
  set_up_with({});
  mutex.lock();
  std::thread helper([&] {
    await_look(runtime(), 2);
    mutex.unlock();
    await_look(runtime(), 1);
    ASSERT_TRUE(numbers.send(1));
  });
  run([&] {
    ASSERT_TRUE(spawn([&] { const std::lock_guard lock(mutex); }));
    EXPECT_TRUE(numbers.receive());
  });
  helper.join();
  EXPECT_TRUE(reported_.empty());
}

TEST_P(NoDeadlockTest, IsNoneWhileAThreadHoldsTheLock) {
  Mutex mutex;
  set_up_with({.on_all_asleep = DeadlockAction::report});
  mutex.lock();
  std::thread helper([&] {
    await_look(runtime(), 1);
    mutex.unlock();
  });
  run([&mutex] { const std::lock_guard lock(mutex); });
  helper.join();
  EXPECT_TRUE(reported_.empty());
}

TEST_P(NoDeadlockTest, IsNoneWhileATimerRuns) {
  Channel<int> numbers;
  set_up_with({.on_all_asleep = DeadlockAction::report});
  run([&numbers] {
    ASSERT_TRUE(spawn([&numbers] {
      ASSERT_TRUE(sleep_for(idle_enough_ns));
      ASSERT_TRUE(numbers.send(1));
    }));
    EXPECT_TRUE(numbers.receive());
  });
  EXPECT_TRUE(reported_.empty());
}

TEST_P(NoDeadlockTest, IsNoneWhileAWaitHasADeadline) {
  Channel<int> numbers;
  set_up_with({.on_all_asleep = DeadlockAction::report});
  run([&numbers] { EXPECT_FALSE(numbers.receive_until(now_ns() + idle_enough_ns)); });
  EXPECT_TRUE(reported_.empty());
}

TEST_P(NoDeadlockTest, IsNoneWhileABlockingCallLasts) {
  Channel<int> numbers;
  set_up_with({.on_all_asleep = DeadlockAction::report});
  run([&numbers] {
    ASSERT_TRUE(spawn([&numbers] {
      blocking([] { std::this_thread::sleep_for(idle_enough); });
      ASSERT_TRUE(numbers.send(1));
    }));
    EXPECT_TRUE(numbers.receive());
  });
  EXPECT_TRUE(reported_.empty());
}

TEST_P(NoDeadlockTest, IsNoneWhileASocketIsReadFrom) {
  Channel<int> numbers;
  set_up_with({.on_all_asleep = DeadlockAction::report});
  std::thread client;
  run([&] {
    auto [listener, endpoint] = listen();
    client = std::thread([this, where = endpoint] {
      const auto socket = os::start_connect(where, std::nullopt, {});
      ASSERT_TRUE(socket) << os::describe(socket.error());
      await_look(runtime(), 2);
    });
    auto stream = listener.accept();
    ASSERT_TRUE(stream);
    ASSERT_TRUE(spawn([&numbers, stream = std::move(*stream)] mutable {
      std::array<std::byte, 1> byte{};
      const auto read = stream.read(byte);
      EXPECT_TRUE(read && *read == 0) << "the client has closed its side";
      ASSERT_TRUE(numbers.send(1));
    }));
    EXPECT_TRUE(numbers.receive());
  });
  client.join();
  EXPECT_TRUE(reported_.empty());
}

}  // namespace
}  // namespace c1m::runtime
