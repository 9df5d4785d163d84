// The weak memory itself: what it shows of the standard's litmus tests, and what it must not show.
// And the fences that x86 gives for nothing, because its exchanges and locks wait for earlier
// stores to be seen: here each is needed.
#include <array>
#include <atomic>

#include <gtest/gtest.h>

#include "runtime/atomic.hpp"
#include "runtime/model/model_fixture.hpp"
#include "runtime/model/model_machine.hpp"

namespace c1m::runtime {
namespace {

using model::Check;
using model::Defect;
using model::expect_holds;
using model::first_failing_seed;
using model::Machine;
using model::Memory;

void expect_only_weak_shows(const Check& check) {
  EXPECT_NE(first_failing_seed(check, Memory::weak, Defect::none), model::no_seed);
  EXPECT_EQ(first_failing_seed(check, Memory::x86, Defect::none), model::no_seed);
}

// Two threads each exchange a word of their own and then look at the other's: at least one must
// see the other (Dekker's pattern).
template <bool fence, std::memory_order load_order>
bool one_sees_the_other(Machine& machine) {
  std::array<Atomic<int>, 2> words;
  std::array<int, 2> seen{};
  const auto side = [&](std::size_t mine) {
    words[mine].exchange(1);
    if (fence) store_load_fence();
    seen[mine] = words[1 - mine].load(load_order);
  };
  return machine.run({[&] { side(0); }, [&] { side(1); }}) && seen[0] + seen[1] > 0;
}

TEST(WeakMemoryModel, AnExchangeNeedsAFenceBeforeARelaxedLoad) {
  expect_holds(one_sees_the_other<true, std::memory_order_relaxed>);
  expect_only_weak_shows(one_sees_the_other<false, std::memory_order_relaxed>);
}

TEST(WeakMemoryModel, ASequentiallyConsistentLoadNeedsNoFence) {
  expect_holds(one_sees_the_other<false, std::memory_order_seq_cst>);
}

// Who sees the flag sees what was written before it.
template <std::memory_order store_order, std::memory_order load_order>
bool message_is_passed(Machine& machine) {
  Atomic<int> message = 0;
  Atomic<int> flag = 0;
  bool held = true;
  const auto sender = [&] {
    message.store(1, std::memory_order_relaxed);
    flag.store(1, store_order);
  };
  const auto receiver = [&] {
    if (flag.load(load_order) == 1) held = message.load(std::memory_order_relaxed) == 1;
  };
  return machine.run({sender, receiver}) && held;
}

TEST(WeakMemoryModel, AMessageNeedsReleaseAndAcquire) {
  expect_holds(message_is_passed<std::memory_order_release, std::memory_order_acquire>);
  expect_only_weak_shows(message_is_passed<std::memory_order_relaxed, std::memory_order_acquire>);
  expect_only_weak_shows(message_is_passed<std::memory_order_release, std::memory_order_relaxed>);
}

// The same with another thread's relaxed exchange in between: it continues the release.
bool exchange_passes_on(Machine& machine) {
  Atomic<int> message = 0;
  Atomic<int> flag = 0;
  bool held = true;
  const auto sender = [&] {
    message.store(1, std::memory_order_relaxed);
    flag.fetch_add(1, std::memory_order_release);
  };
  const auto between = [&] { flag.fetch_add(2, std::memory_order_relaxed); };
  const auto receiver = [&] {
    if (flag.load(std::memory_order_acquire) % 2 == 1) {
      held = message.load(std::memory_order_relaxed) == 1;
    }
  };
  return machine.run({sender, between, receiver}) && held;
}

TEST(WeakMemoryModel, AnExchangeContinuesARelease) {
  expect_holds(exchange_passes_on);
}

// Nobody goes back to an older value of the same word, whatever the order.
bool values_do_not_go_back(Machine& machine) {
  Atomic<int> word = 0;
  bool held = true;
  const auto writer = [&] {
    for (int value = 1; value < 4; ++value) word.store(value, std::memory_order_relaxed);
  };
  const auto reader = [&] {
    int before = 0;
    for (int i = 0; i < 6; ++i) {
      const int now = word.load(std::memory_order_relaxed);
      held = held && now >= before;
      before = now;
    }
  };
  return machine.run({writer, reader, reader}) && held;
}

TEST(WeakMemoryModel, ValuesOfOneWordDoNotGoBack) {
  expect_holds(values_do_not_go_back);
}

// A compare-and-swap that fails on the latest value, too, has the order of a failure.
bool failure_acquires(Machine& machine) {
  Atomic<int> message = 0;
  Atomic<int> flag = 0;
  bool held = true;
  const auto sender = [&] {
    message.store(1, std::memory_order_relaxed);
    flag.store(1, std::memory_order_release);
  };
  const auto receiver = [&] {
    int expected = 0;
    const bool first = flag.compare_exchange_strong(expected, 2, std::memory_order_relaxed,
                                                    std::memory_order_acquire);
    if (!first) held = message.load(std::memory_order_relaxed) == 1;
  };
  return machine.run({sender, receiver}) && held;
}

TEST(WeakMemoryModel, AFailedCompareAndSwapAcquires) {
  expect_holds(failure_acquires);
}

// A late exchange is still one: what several threads add is all there.
bool exchanges_add_up(Machine& machine) {
  Atomic<int> sum = 0;
  const auto adder = [&sum] {
    for (int i = 0; i < 4; ++i) sum.fetch_add(1, std::memory_order_relaxed);
  };
  return machine.run({adder, adder, adder}) && sum.load() == 12;
}

TEST(WeakMemoryModel, ExchangesStayWhole) {
  expect_holds(exchanges_add_up);
}

// The order of Scheduler::queue_from_outside() and Worker::sleep(), each without its fence in turn:
// the queue's and the list's locks are on the way, and do not make up for it.
template <bool wake_fence, bool sleep_fence>
bool sleeper_is_woken(Machine& machine) {
  ThreadMutex queue_mutex;
  Atomic<int> queued = 0;
  Atomic<int> sleeping = 0;
  Atomic<bool> unparked = false;
  const auto producer = [&] {
    queue_mutex.lock();
    queued.store(1, std::memory_order_relaxed);
    queue_mutex.unlock();
    if (wake_fence) store_load_fence();
    if (sleeping.load(std::memory_order_relaxed) > 0) unparked.exchange(true);
  };
  const auto worker = [&] {
    sleeping.fetch_add(1);
    if (sleep_fence) store_load_fence();
    if (queued.load(std::memory_order_relaxed) > 0) return;
    machine.system_call();  // of the futex
    machine.wait_until([&unparked] { return unparked.load(); });
  };
  return machine.run({producer, worker});
}

TEST(WeakMemoryModel, BothSidesOfAWakeUpNeedTheirFence) {
  expect_holds(sleeper_is_woken<true, true>);
  expect_only_weak_shows(sleeper_is_woken<false, true>);
  expect_only_weak_shows(sleeper_is_woken<true, false>);
}

}  // namespace
}  // namespace c1m::runtime
