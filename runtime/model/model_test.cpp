// The runtime's own queue, words, idle list and timer heap under thousands of schedules by chance,
// on a machine with store buffers. Each check also runs on a machine with a defect, and must then
// fail.
#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>
#include <new>
#include <vector>

#include <gtest/gtest.h>

#include "runtime/blocking_hold.hpp"
#include "runtime/idle_workers.hpp"
#include "runtime/model/model_fixture.hpp"
#include "runtime/model/model_machine.hpp"
#include "runtime/poll_word.hpp"
#include "runtime/run_queue.hpp"
#include "runtime/timer_heap.hpp"
#include "runtime/wait_state.hpp"

namespace c1m::runtime {

// The idle list only keeps pointers to workers; this stands for one.
class Worker {
 public:
  bool unparked = false;
};

namespace {

using model::Defect;
using model::expect_found_out;
using model::expect_holds;
using model::Machine;

// An owner pushes and pops, two thieves steal: every item is taken exactly once.
bool run_queue_loses_nothing(Machine& machine) {
  using Queue = RunQueue<int, 4>;
  constexpr int count = 12;
  std::array<int, count> numbers{};
  std::array<int, count> taken{};
  for (int i = 0; i < count; ++i) numbers[static_cast<std::size_t>(i)] = i;
  const auto take = [&taken](const int* item) { ++taken[static_cast<std::size_t>(*item)]; };
  Queue queue;
  const auto owner = [&] {
    Queue::Overflow overflow{};
    for (int& number : numbers) {
      const std::uint32_t moved = queue.push(&number, overflow);
      for (std::uint32_t i = 0; i < moved; ++i) take(overflow[i]);
      if (number % 3 == 2) {
        if (const int* item = queue.pop()) take(item);
      }
    }
    while (const int* item = queue.pop()) take(item);
  };
  const auto thief = [&] {
    Queue mine;
    for (int tries = 0; tries < 4; ++tries) {
      std::uint32_t moved = 0;
      for (const int* item = mine.steal_from(queue, moved); item != nullptr; item = mine.pop()) {
        take(item);
      }
    }
  };
  if (!machine.run({owner, thief, thief})) return false;
  return std::ranges::all_of(taken, [](int times) { return times == 1; });
}

TEST(Model, RunQueueLosesAndDoublesNothing) {
  expect_holds(run_queue_loses_nothing);
}
TEST(Model, RunQueueNeedsItsCompareAndSwap) {
  expect_found_out(run_queue_loses_nothing, Defect::torn_rmw);
}

// Two producers add work and wake; a worker takes it and sleeps in between, in the order of
// Worker::sleep() and Scheduler::wake_a_worker(). It must not sleep for ever with work waiting.
bool idle_worker_is_woken(Machine& machine) {
  constexpr int producers = 2;
  constexpr int each = 2;
  std::array<RunQueue<int, 4>, producers> queues;
  std::array<int, static_cast<std::size_t>(producers) * each> items{};
  IdleWorkers idle(1);
  Worker worker;
  int consumed = 0;
  const auto producer = [&](int index) {
    RunQueue<int, 4>::Overflow overflow{};
    for (int i = 0; i < each; ++i) {
      queues[static_cast<std::size_t>(index)].push(
          &items[static_cast<std::size_t>(index * each + i)], overflow);
      store_load_fence();
      if (!idle.should_wake()) continue;
      if (Worker* sleeper = idle.take_for_search()) sleeper->unparked = true;
    }
  };
  const auto consumer = [&] {
    bool searching = false;
    RunQueue<int, 4> mine;
    const auto has_work = [&] {
      return std::ranges::any_of(queues, [](const auto& queue) { return !queue.empty(); });
    };
    while (consumed < producers * each) {
      int* found = nullptr;
      for (auto& queue : queues) {
        std::uint32_t moved = 0;
        if (found == nullptr) found = mine.steal_from(queue, moved);
        if (found != nullptr) break;
      }
      if (found != nullptr) {
        if (std::exchange(searching, false)) std::ignore = idle.end_search();
        for (; found != nullptr; found = mine.pop()) ++consumed;
        continue;
      }
      std::ignore = idle.enter(worker, std::exchange(searching, false));
      store_load_fence();
      if (!has_work()) machine.wait_until([&worker] { return worker.unparked; });
      worker.unparked = false;
      searching = idle.leave(worker);
    }
  };
  return machine.run({[&] { producer(0); }, [&] { producer(1); }, consumer});
}

TEST(Model, AnIdleWorkerIsWokenForWork) {
  expect_holds(idle_worker_is_woken);
}
TEST(Model, AnIdleWorkerNeedsTheFence) {
  expect_found_out(idle_worker_is_woken, Defect::void_fences);
}

// A coroutine parks while two sources end its wait: it goes on exactly once, and the late source
// does not end its next wait.
bool wait_ends_once(Machine& machine) {
  WaitState wait;
  wait.set(CoroutineState::running);
  const std::uint32_t epoch = wait.epoch();
  int queued = 0;
  int notified = 0;
  bool went_on = false;
  const auto source = [&] {
    const WakeResult result = wait.wake(epoch);
    if (result == WakeResult::runnable) ++queued;
    if (result == WakeResult::notified) ++notified;
  };
  const auto coroutine = [&] {
    if (wait.park()) machine.wait_until([&queued] { return queued > 0; });
    went_on = true;
  };
  if (!machine.run({source, source, coroutine})) return false;
  return went_on && queued + notified == 1 && wait.epoch() == epoch + 1;
}

TEST(Model, AWaitEndsExactlyOnce) {
  expect_holds(wait_ends_once);
}
TEST(Model, AWaitNeedsItsCompareAndSwap) {
  expect_found_out(wait_ends_once, Defect::torn_rmw);
}

// A coroutine parks while a source ends its wait and another thread freezes it, as Freezer does: it
// is queued once, not while it is being frozen, and who queues it sees where its frames are.
bool wait_ends_beside_a_freeze(Machine& machine) {
  WaitState wait;
  wait.set(CoroutineState::running);
  const std::uint32_t epoch = wait.epoch();
  Atomic<int> frozen = 0;  // as the record says it: written by its owner alone
  int freezes = 0;
  bool is_frozen_now = false;
  int queued = 0;
  bool holds = true;
  const auto queue = [&] {
    holds &= !is_frozen_now && frozen.load(std::memory_order_relaxed) == freezes;
    ++queued;
  };
  const auto source = [&] {
    if (wait.wake(epoch) == WakeResult::runnable) queue();
  };
  const auto freezer = [&] {
    for (int tries = 0; tries < 4; ++tries) {
      if (!wait.begin_freeze()) continue;
      is_frozen_now = true;
      frozen.store(++freezes, std::memory_order_relaxed);
      is_frozen_now = false;
      if (!wait.end_freeze()) queue();
    }
  };
  bool parked = false;
  const auto coroutine = [&] {
    parked = wait.park();
    if (parked) machine.wait_until([&queued] { return queued > 0; });
  };
  if (!machine.run({source, freezer, coroutine})) return false;
  return holds && queued == (parked ? 1 : 0) && wait.epoch() == epoch + 1;
}

TEST(Model, AWaitThatIsFrozenEndsExactlyOnce) {
  expect_holds(wait_ends_beside_a_freeze);
}
TEST(Model, AFreezeNeedsTheCompareAndSwap) {
  expect_found_out(wait_ends_beside_a_freeze, Defect::torn_rmw);
}

// A waiter meets an edge, and another descriptor's waiter meets a close, in the order of
// pollable.cpp: publish, look at the flag, park; and set the flag, interrupt.
bool poll_word_wakes(Machine& machine, std::memory_order flag_order) {
  PollWord word;
  Atomic<bool> closing = false;
  WaitState wait;
  wait.set(CoroutineState::running);
  int queued = 0;
  const auto wake = [&](WakeToken token) {
    if (token && wait.wake(token.epoch()) == WakeResult::runnable) ++queued;
  };
  const auto waiter = [&] {
    for (;;) {
      if (closing.load()) return;
      if (word.consume_ready()) continue;  // an edge alone does not end this waiter
      const WakeToken token(1, wait.epoch());
      if (!word.publish(token)) {
        wait.cancel_wait();
        continue;
      }
      if (closing.load()) {
        wait.cancel_wait();
      } else if (wait.park()) {
        machine.wait_until([&queued] { return queued > 0; });
        --queued;
        wait.set(CoroutineState::running);
      }
      word.retract();
    }
  };
  const auto poller = [&] {
    wake(word.edge());
    wake(word.edge());
  };
  const auto closer = [&] {
    closing.store(true, flag_order);
    wake(word.interrupt());
  };
  return machine.run({waiter, poller, closer});
}

TEST(Model, EdgesAndCloseEndAWait) {
  expect_holds(
      [](Machine& machine) { return poll_word_wakes(machine, std::memory_order_seq_cst); });
}
TEST(Model, CloseNeedsASequentiallyConsistentFlag) {
  expect_found_out(
      [](Machine& machine) { return poll_word_wakes(machine, std::memory_order_release); });
}

// A blocking call ends while the monitor looks for it and takes its processor over: it keeps the
// processor or loses it, and the monitor sees the same.
bool one_holds_the_processor(Machine& machine) {
  BlockingHold hold;
  bool kept = false;
  bool taken = false;
  const auto worker = [&] { kept = hold.end(hold.begin()); };
  const auto monitor = [&] {
    const std::uint64_t call = hold.call();
    if (call != 0) taken = hold.take_over(call);
  };
  return machine.run({worker, monitor}) && kept != taken && hold.call() == 0;
}

TEST(Model, OneHoldsAProcessorAfterABlockingCall) {
  expect_holds(one_holds_the_processor);
}
TEST(Model, AProcessorNeedsItsCompareAndSwap) {
  expect_found_out(one_holds_the_processor, Defect::torn_rmw);
}

// A timer is cancelled while its heap fires: it fires at most once, and is gone in the end.
bool timer_fires_at_most_once(Machine& machine) {
  TimerHeap heap;
  Timer timer;
  Timer other;
  std::size_t fired = 0;
  const auto owner = [&] {
    heap.arm(other, 5, {2, 0});
    for (std::uint32_t round = 0; round < 3; ++round) {
      heap.arm(timer, 1, {1, round});
      timer.cancel();
    }
    other.cancel();
  };
  const auto firer = [&] {
    std::array<WakeToken, 1> due{};
    for (int i = 0; i < 4; ++i) fired += heap.take_due(3, due);
  };
  return machine.run({owner, firer}) && fired <= 3 && heap.size() == 0 &&
         heap.earliest_ns() == TimerHeap::never;
}

TEST(Model, ATimerFiresAtMostOnce) {
  expect_holds(timer_fires_at_most_once);
}

// --- the machine itself --------------------------------------------------------------------------

TEST(ModelMachine, NoticesWhoUsesWhatHasEnded) {
  const auto fails = [](auto use) {
    Machine machine(1);
    const bool ran = machine.run({[&use] {
      alignas(Atomic<int>) std::array<std::byte, sizeof(Atomic<int>)> memory;
      auto* const word = new (memory.data()) Atomic<int>(1);
      use(*word, [word] { std::destroy_at(word); }, [&] { new (memory.data()) Atomic<int>(2); });
    }});
    return !ran && machine.failure() == "an atomic or a mutex is used after its end";
  };
  EXPECT_TRUE(fails([](auto& word, auto end, auto) { end(), (void)word.load(); }));
  EXPECT_TRUE(fails([](auto& word, auto end, auto) { end(), word.store(1); }));
  EXPECT_TRUE(fails([](auto& word, auto end, auto) { end(), word.fetch_add(1); }));
  EXPECT_FALSE(fails([](auto& word, auto end, auto) { (void)word.load(), end(); }));
  EXPECT_FALSE(fails([](auto& word, auto end, auto begin) { end(), begin(), (void)word.load(); }));
}

TEST(ModelMachine, NoticesWhoLocksAMutexThatHasEnded) {
  Machine machine(1);
  EXPECT_FALSE(machine.run({[] {
    alignas(ThreadMutex) std::array<std::byte, sizeof(ThreadMutex)> memory;
    auto* const mutex = new (memory.data()) ThreadMutex;
    std::destroy_at(mutex);
    mutex->lock();
  }}));
  EXPECT_EQ(machine.failure(), "an atomic or a mutex is used after its end");
}

}  // namespace
}  // namespace c1m::runtime
