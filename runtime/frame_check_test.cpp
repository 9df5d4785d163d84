// A pointer into the frames of a compact coroutine that reaches a primitive through another
// coroutine ends the process with a message; what is on the caller's own stack, on a dedicated one
// or on the heap does not.
#include "runtime/frame_check.hpp"

#include <array>
#include <cstddef>
#include <memory>
#include <mutex>
#include <tuple>

#include "runtime/cancellation.hpp"
#include "runtime/channel.hpp"
#include "runtime/condition_variable.hpp"
#include "runtime/join_handle.hpp"
#include "runtime/mutex.hpp"
#include "runtime/once.hpp"
#include "runtime/runtime_fixture.hpp"
#include "runtime/semaphore.hpp"
#include "runtime/shared_mutex.hpp"
#include "runtime/spawn.hpp"
#include "runtime/spsc_ring.hpp"
#include "runtime/task_group.hpp"
#include "runtime/tcp_stream.hpp"
#include "runtime/ticker.hpp"
#include "runtime/wait_group.hpp"
#include "runtime/yield.hpp"

namespace c1m::runtime {
namespace {

constexpr SpawnOptions compact{.stack = StackPolicy::compact};
constexpr SpawnOptions freezable{.stack = StackPolicy::freezable};
constexpr SpawnOptions dedicated{};
constexpr bool frames_can_be_wrong = frames_are_checked && compact_stacks_work;

// A compact coroutine, or another, gives `use` an object of type T on its stack, in a coroutine of
// another slot or of none.
template <class T>
void share_from_a_compact_stack(const SpawnOptions& other, void (*use)(T&),
                                const SpawnOptions& owning = compact) {
  auto runtime = Runtime::create({.processors = 1, .compact_slots = 8});
  std::ignore = (*runtime)->run([&] {
    const auto owner = [&other, use] {
      T on_the_stack{};
      T* const reached = &on_the_stack;
      std::ignore = spawn([reached, use] { use(*reached); }, other);
      for (int i = 0; i < 3; ++i) yield();
    };
    std::ignore = spawn(owner, owning);
  });
}

using Buffer = std::array<std::byte, 64>;
using Integers = Channel<int>;
struct OneUnit : Semaphore {
  OneUnit() : Semaphore(1) {}
};
struct Ring : SpscRing<int> {
  Ring() : SpscRing(4) {}
};
struct Period : Ticker {
  Period() : Ticker(os::ns_per_s) {}
};

TEST(FrameCheck, AnObjectOfAnotherCompactCoroutineIsRefused) {
  if (!frames_can_be_wrong) GTEST_SKIP() << "not a debug build, or no compact stacks";
  testing::GTEST_FLAG(death_test_style) = "threadsafe";
  for (const SpawnOptions& other : {dedicated, compact}) {
    EXPECT_DEATH(share_from_a_compact_stack<Mutex>(other, [](Mutex& mutex) { mutex.lock(); }),
                 "Mutex::lock: coroutine [0-9]+, spawned at .*frame_check_test.cpp:[0-9]+, uses an "
                 "object on the stack of a compact or freezable coroutine");
  }
  EXPECT_DEATH(
      share_from_a_compact_stack<WaitGroup>(dedicated, [](WaitGroup& group) { group.add(); }),
      "WaitGroup::add: ");
  EXPECT_DEATH(share_from_a_compact_stack<Period>(dedicated, [](Period& ticker) { ticker.stop(); }),
               "Ticker::stop: ");
  EXPECT_DEATH(share_from_a_compact_stack<CancelSource>(
                   dedicated, [](CancelSource& source) { source.cancel(); }),
               "CancelSource::cancel: ");
  EXPECT_DEATH(share_from_a_compact_stack<Integers>(
                   dedicated, [](Integers& channel) { std::ignore = channel.try_send(1); }),
               "Channel: ");
  EXPECT_DEATH(
      share_from_a_compact_stack<SharedMutex>(dedicated, [](SharedMutex& m) { m.lock_shared(); }),
      "SharedMutex::lock_shared: ");
  EXPECT_DEATH(share_from_a_compact_stack<ConditionVariable>(
                   dedicated, [](ConditionVariable& condition) { condition.notify_all(); }),
               "ConditionVariable::notify_all: ");
  EXPECT_DEATH(share_from_a_compact_stack<OneUnit>(dedicated, [](OneUnit& one) { one.acquire(); }),
               "Semaphore::acquire: ");
  EXPECT_DEATH(share_from_a_compact_stack<Once>(dedicated, [](Once& once) { once.call([] {}); }),
               "Once::call: ");
  EXPECT_DEATH(share_from_a_compact_stack<Ring>(dedicated,
                                                [](Ring& ring) { std::ignore = ring.try_push(1); }),
               "SpscRing::push: ");
  EXPECT_DEATH(share_from_a_compact_stack<JoinHandle<void>>(
                   dedicated, [](JoinHandle<void>& handle) { handle.join(); }),
               "JoinHandle::join: ");
  EXPECT_DEATH(
      share_from_a_compact_stack<TaskGroup>(dedicated, [](TaskGroup& group) { group.cancel(); }),
      "TaskGroup::cancel: ");
  EXPECT_DEATH(share_from_a_compact_stack<SupervisorGroup>(
                   dedicated, [](SupervisorGroup& group) { group.cancel(); }),
               "SupervisorGroup::cancel: ");
  EXPECT_DEATH(
      share_from_a_compact_stack<TcpStream>(dedicated, [](TcpStream& stream) { stream.close(); }),
      "Pollable::close: ");
  EXPECT_DEATH(share_from_a_compact_stack<Buffer>(
                   dedicated, [](Buffer& buffer) { std::ignore = TcpStream().try_read(buffer); }),
               "TcpStream::read into a buffer: ");
}

TEST(FrameCheck, AnObjectOnAFreezableStackIsRefusedToOthers) {
  if (!frames_can_be_wrong) GTEST_SKIP() << "not a debug build, or nothing is frozen";
  testing::GTEST_FLAG(death_test_style) = "threadsafe";
  const auto lock = [](Mutex& mutex) { mutex.lock(); };
  for (const SpawnOptions& other : {dedicated, compact, freezable}) {
    EXPECT_DEATH(share_from_a_compact_stack<Mutex>(other, lock, freezable),
                 "Mutex::lock: coroutine [0-9]+, spawned at .*frame_check_test.cpp:[0-9]+, uses an "
                 "object on the stack of a compact or freezable coroutine");
  }
}

class FrameCheckTest : public RuntimeTest {};
C1M_FOR_ALL_PROCESSOR_COUNTS(FrameCheckTest);

TEST_P(FrameCheckTest, WhatIsOnesOwnOrOnTheHeapIsNot) {
  int done = 0;
  run([&] {
    auto group = std::make_unique<WaitGroup>(20);  // for compact ones on the heap
    Mutex mutex;                                   // of a dedicated coroutine
    for (int i = 0; i < 20; ++i) {
      ASSERT_TRUE(spawn(
          [&mutex, &done, group = group.get()] {
            Mutex own;
            {
              const std::scoped_lock both(mutex, own);
              ++done;
              yield();
            }
            group->done();
          },
          i % 2 == 0 ? compact : freezable));
    }
    group->wait();
  });
  EXPECT_EQ(done, 20);
}

}  // namespace
}  // namespace c1m::runtime
