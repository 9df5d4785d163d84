// The channel's ring and lists (channel_core.hpp) under thousands of schedules by chance: every
// value comes once, whoever waits is sent on, whoever gives up is left alone. The calls come in the
// order of channel.hpp and select.cpp.
#include <array>
#include <cstdint>
#include <mutex>

#include <gtest/gtest.h>

#include "runtime/atomic.hpp"
#include "runtime/channel_core.hpp"
#include "runtime/model/model_fixture.hpp"
#include "runtime/model/model_machine.hpp"
#include "runtime/wait_state.hpp"

namespace c1m::runtime {
namespace {

using model::expect_found_out;
using model::expect_holds;
using model::Machine;

// A wait of a virtual thread, as AnyWait is one of a coroutine.
struct Wait {
  WaitState state;
  bool queued = false;

  void park(Machine& machine) {
    if (!state.park()) return;
    machine.wait_until([this] { return queued; });
    queued = false;
    state.set(CoroutineState::running);
  }
};

struct Ended {
  Wait* to_queue = nullptr;
  bool ended = false;

  explicit operator bool() const { return ended; }
  void deliver() const {
    if (to_queue == nullptr) return;
    Machine::current()->system_call();  // a wake-up passes on what was done before
    to_queue->queued = true;
  }
};

struct Wake {
  Wait* wait = nullptr;
  std::uint32_t epoch = 0;

  explicit operator bool() const { return wait != nullptr; }
  [[nodiscard]] Ended end() const {
    if (wait == nullptr) return {};
    const WakeResult result = wait->state.wake(epoch);
    return {.to_queue = result == WakeResult::runnable ? wait : nullptr,
            .ended = result != WakeResult::stale};
  }
  void wake() const { end().deliver(); }
};

using Core = ChannelCore<int, Wake, ThreadMutex>;

// Two channels, of which a select uses both.
struct Scene {
  Scene(Machine& machine_of_all, std::size_t capacity)
      : machine(machine_of_all), cores{Core(capacity), Core(0)} {}

  Machine& machine;
  std::array<Core, 2> cores;
  std::array<Wait, 5> waits{};
  ThreadMutex mutex;
  Wake to_be_ended;  // guarded by mutex: who gives up when chance wants
  int sent = 0;
  int received = 0;
  bool unknown_outcome = false;

  [[nodiscard]] Wake waker(std::size_t self) {
    waits[self].state.set(CoroutineState::running);
    return {.wait = &waits[self], .epoch = waits[self].state.epoch()};
  }
  void may_give_up(const Wake& waker) {
    const std::lock_guard lock(mutex);
    to_be_ended = waker;
  }
  void end_one() {
    Wake waker;
    {
      const std::lock_guard lock(mutex);
      waker = to_be_ended;
    }
    waker.wake();
  }

  ChannelOutcome send(std::size_t self, Core& core, int value, bool alone) {
    Core::After after;
    core.lock();
    ChannelOutcome outcome = core.send_locked(value, after);
    if (outcome != ChannelOutcome::pending) {
      core.unlock();
      after.run();
      return outcome;
    }
    Core::Waiter waiter;
    waiter.waker = waker(self);
    waiter.alone = alone;
    core.enter_sender_locked(waiter, value);
    core.unlock();
    if (!alone) may_give_up(waiter.waker);
    waits[self].park(machine);
    if (!alone) {
      core.lock();
      core.leave_sender_locked(waiter);
      core.unlock();
    }
    outcome = waiter.outcome;
    if (outcome != ChannelOutcome::done) Core::give_value_back(value, waiter);
    return outcome;
  }

  // From the first channel alone, or from whichever is ready: all locks are held meanwhile.
  ChannelOutcome receive(std::size_t self, bool selects, int& value) {
    Core::After after;
    std::optional<int> got;
    const std::size_t count = selects ? 2 : 1;
    for (std::size_t i = 0; i < count; ++i) cores[i].lock();
    ChannelOutcome outcome = ChannelOutcome::pending;
    for (std::size_t i = 0; i < count && outcome == ChannelOutcome::pending; ++i) {
      outcome = cores[i].receive_locked(got, after);
    }
    if (outcome != ChannelOutcome::pending) {
      for (std::size_t i = 0; i < count; ++i) cores[i].unlock();
      after.run();
      value = got.value_or(0);
      return outcome;
    }
    std::array<Core::Waiter, 2> waiters;
    const Wake mine = waker(self);
    for (std::size_t i = 0; i < count; ++i) {
      waiters[i].waker = mine;
      waiters[i].alone = !selects;
      cores[i].enter_receiver_locked(waiters[i]);
    }
    for (std::size_t i = 0; i < count; ++i) cores[i].unlock();
    waits[self].park(machine);
    int winners = 0;
    for (std::size_t i = 0; i < count; ++i) {
      if (selects) cores[i].lock();
      cores[i].leave_receiver_locked(waiters[i]);
      if (waiters[i].outcome != ChannelOutcome::pending) {
        ++winners;
        outcome = waiters[i].outcome;
        value = waiters[i].value.value_or(0);
      }
      if (selects) cores[i].unlock();
    }
    unknown_outcome |= winners != 1;
    return outcome;
  }
};

constexpr int values_each = 3;

// Two senders, of whom one gives up again and again, a receiver, and one that selects.
template <std::size_t capacity, Safeguard left_out = Safeguard::monitor>
bool every_value_comes_once(Machine& machine) {
  if (left_out != Safeguard::monitor) machine.leave_out(left_out);
  Scene scene(machine, capacity);
  const auto sender = [&scene](std::size_t self, bool alone) {
    for (int value = 1; value <= values_each;) {
      if (scene.send(self, scene.cores[alone ? 1 : 0], value, alone) == ChannelOutcome::done) {
        scene.sent += value++;
      }
    }
  };
  const auto receiver = [&scene](std::size_t self, bool selects) {
    for (int value = 0; scene.receive(self, selects, value) == ChannelOutcome::done;) {
      scene.received += value;
    }
  };
  int senders = 2;
  const auto ends = [&](std::size_t self, bool alone) {
    sender(self, alone);
    machine.system_call();
    if (--senders > 0) return;
    // Whoever waits at the first alone must not miss what was sent to the second.
    machine.wait_until([&scene] { return scene.received == 4 * values_each; });
    for (Core& core : scene.cores) core.close();
  };
  const auto canceller = [&scene] {
    for (int i = 0; i < 4; ++i) scene.end_one();
  };
  const bool ended =
      machine.run({[&] { ends(0, true); }, [&] { ends(1, false); }, [&] { receiver(2, false); },
                   [&] { receiver(3, true); }, canceller});
  return ended && !scene.unknown_outcome && scene.sent == 4 * values_each &&
         scene.received == scene.sent;
}

// The second value has to go into the ring although nobody receives it yet.
template <Safeguard left_out = Safeguard::monitor>
bool room_is_given_on(Machine& machine) {
  if (left_out != Safeguard::monitor) machine.leave_out(left_out);
  Scene scene(machine, 1);
  bool both_sent = false;
  const auto sender = [&] {
    for (const int value : {1, 2})
      scene.sent +=
          static_cast<int>(scene.send(0, scene.cores[0], value, true) == ChannelOutcome::done);
    machine.system_call();
    both_sent = true;
  };
  int first = 0;
  int second = 0;
  const auto receiver = [&] {
    scene.receive(1, false, first);
    machine.wait_until([&both_sent] { return both_sent; });
    scene.receive(1, false, second);
  };
  return machine.run({sender, receiver}) && scene.sent == 2 && first == 1 && second == 2;
}

TEST(ChannelModel, ASenderThatWaitsGetsTheRoom) {
  expect_holds(room_is_given_on<>);
  expect_found_out(room_is_given_on<Safeguard::channel_refill>);
}

TEST(ChannelModel, EveryValueComesOnce) {
  expect_holds(every_value_comes_once<0>);
  expect_holds(every_value_comes_once<1>);
}

TEST(ChannelModel, AWaiterMustBeWon) {
  expect_found_out(every_value_comes_once<0, Safeguard::channel_winner>);
}

TEST(ChannelModel, WhoGivesUpMustLeaveTheList) {
  expect_found_out(every_value_comes_once<0, Safeguard::channel_leave>);
}

TEST(ChannelModel, ClosingMustEndTheWaits) {
  expect_found_out(every_value_comes_once<0, Safeguard::channel_close>);
}

}  // namespace
}  // namespace c1m::runtime
