// Fences that x86 gives for nothing, because its exchanges and locks wait for earlier stores to be
// seen: here the machine delays what they write, as weaker machines may, and each fence is needed.
#include <cstdlib>
#include <functional>
#include <string>

#include <gtest/gtest.h>

#include "runtime/atomic.hpp"
#include "runtime/model/model_machine.hpp"

namespace c1m::runtime {
namespace {

using model::Defect;
using model::Machine;

constexpr std::uint64_t seeds = 2000;
using Check = std::function<bool(Machine&)>;

std::uint64_t first_failing_seed(const Check& check, bool delayed) {
  const char* replay = std::getenv("C1M_MODEL_SEED");
  const std::uint64_t first = replay == nullptr ? 0 : std::strtoull(replay, nullptr, 10);
  const std::uint64_t end = replay == nullptr ? seeds : first + 1;
  for (std::uint64_t seed = first; seed < end; ++seed) {
    Machine machine(seed, Defect::none);
    if (delayed) machine.delay_exchanges();
    if (!check(machine)) return seed;
  }
  return seeds;
}

void expect_holds(const Check& check) {
  const std::uint64_t seed = first_failing_seed(check, true);
  EXPECT_EQ(seed, seeds) << "replay with C1M_MODEL_SEED=" << seed;
}

// Two threads each exchange a word of their own and then look at the other's: at least one must
// see the other (Dekker's pattern).
bool one_sees_the_other(Machine& machine, bool fence, std::memory_order load_order) {
  Atomic<int> words[2];
  int seen[2] = {};
  const auto side = [&](int mine) {
    words[mine].exchange(1);
    if (fence) store_load_fence();
    seen[mine] = words[1 - mine].load(load_order);
  };
  return machine.run({[&] { side(0); }, [&] { side(1); }}) && seen[0] + seen[1] > 0;
}

TEST(DelayedExchangeModel, AnExchangeNeedsAFenceBeforeARelaxedLoad) {
  const auto without = [](Machine& machine) {
    return one_sees_the_other(machine, false, std::memory_order_relaxed);
  };
  expect_holds([](Machine& machine) {
    return one_sees_the_other(machine, true, std::memory_order_relaxed);
  });
  EXPECT_LT(first_failing_seed(without, true), seeds);
  EXPECT_EQ(first_failing_seed(without, false), seeds) << "x86 would not show it";
}

TEST(DelayedExchangeModel, ASequentiallyConsistentLoadNeedsNoFence) {
  expect_holds([](Machine& machine) {
    return one_sees_the_other(machine, false, std::memory_order_seq_cst);
  });
}

// A late exchange is still one: what several threads add is all there.
bool exchanges_add_up(Machine& machine) {
  Atomic<int> sum = 0;
  const auto adder = [&sum] {
    for (int i = 0; i < 4; ++i) sum.fetch_add(1, std::memory_order_relaxed);
  };
  return machine.run({adder, adder, adder}) && sum.load() == 12;
}

TEST(DelayedExchangeModel, ExchangesStayWhole) {
  expect_holds(exchanges_add_up);
}

// The order of Scheduler::queue_from_outside() and Worker::sleep(), each without its fence in turn:
// the queue's and the list's locks are on the way, and do not make up for it.
struct Fences {
  bool wake = true;
  bool sleep = true;
};

bool sleeper_is_woken(Machine& machine, Fences fences) {
  ThreadMutex queue_mutex;
  Atomic<int> queued = 0;
  Atomic<int> sleeping = 0;
  Atomic<bool> unparked = false;
  const auto producer = [&] {
    queue_mutex.lock();
    queued.store(1, std::memory_order_relaxed);
    queue_mutex.unlock();
    if (fences.wake) store_load_fence();
    if (sleeping.load(std::memory_order_relaxed) > 0) unparked.exchange(true);
  };
  const auto worker = [&] {
    sleeping.fetch_add(1);
    if (fences.sleep) store_load_fence();
    if (queued.load(std::memory_order_relaxed) > 0) return;
    machine.step();
    machine.drain();  // the futex's system call
    machine.wait_until([&unparked] { return unparked.load(); });
  };
  return machine.run({producer, worker});
}

TEST(DelayedExchangeModel, BothSidesOfAWakeUpNeedTheirFence) {
  expect_holds([](Machine& machine) { return sleeper_is_woken(machine, {}); });
  for (const Fences fences : {Fences{.wake = false}, Fences{.sleep = false}}) {
    const auto without = [fences](Machine& machine) { return sleeper_is_woken(machine, fences); };
    EXPECT_LT(first_failing_seed(without, true), seeds);
  }
}

}  // namespace
}  // namespace c1m::runtime
