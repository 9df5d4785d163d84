// The condition variable's list (notify_list.hpp) and the word of a join (join_word.hpp) under
// thousands of schedules by chance: no notification is lost, whoever gives up at that moment. The
// calls come in the order of condition.cpp and join_state.cpp.
#include <array>
#include <cstdint>
#include <utility>

#include <gtest/gtest.h>

#include "runtime/join_word.hpp"
#include "runtime/model/model_fixture.hpp"
#include "runtime/model/model_machine.hpp"
#include "runtime/model/model_waiter.hpp"
#include "runtime/notify_list.hpp"

namespace c1m::runtime {
namespace {

using model::Defect;
using model::expect_found_out;
using model::expect_holds;
using model::Machine;

struct Waiter : model::ModelWaiter<Waiter> {
  bool gone = false;
};

enum class Mutant : std::uint8_t {
  none,
  late_entry,  // a waiter gives the mutex up before it enters the list
};

// Items are made, one notification each, and taken by as many; some takers give up now and then.
struct Scene {
  Machine& machine;
  Mutant mutant;
  NotifyList<Waiter> list{};
  ThreadMutex mutex{};
  int items = 0;  // guarded by mutex
  int taken = 0;

  // True: notified.
  bool wait(bool patient) {
    Waiter self;
    if (mutant == Mutant::late_entry) {
      mutex.unlock();
      list.enter(self);
    } else {
      list.enter(self);
      mutex.unlock();
    }
    const auto patience_ns = static_cast<os::Nanoseconds>(machine.random() % 5);
    self.park(machine, patient ? Machine::never : machine.now_ns() + patience_ns);
    const bool notified = patient || !list.leave(self);
    mutex.lock();
    return notified;
  }

  void take(bool patient) {
    mutex.lock();
    while (items == 0) {
      if (!wait(patient)) patient = true;
    }
    --items;
    ++taken;
    mutex.unlock();
  }

  void make() {
    mutex.lock();
    ++items;
    mutex.unlock();
    if (list.empty()) return;
    NotifyList<Waiter>::Ended ended;
    list.notify_one(ended);
    ended.deliver();
  }
};

template <Mutant mutant>
bool notify_holds(Machine& machine) {
  Scene scene{.machine = machine, .mutant = mutant};
  const auto takes = [&scene] {
    scene.take(false);
    scene.take(true);
  };
  const auto makes = [&scene] {
    for (int i = 0; i < 3; ++i) scene.make();
  };
  if (!machine.run({takes, takes, takes, makes, makes})) return false;
  return scene.taken == 6 && scene.list.empty();
}

// One item for two, of whom one gives up for good if it has not been notified in time: then the
// other must get the item.
bool notification_is_kept(Machine& machine) {
  Scene scene{.machine = machine, .mutant = Mutant::none};
  bool impatient_took = false;
  const auto impatient = [&] {
    scene.mutex.lock();
    if (scene.items > 0 || scene.wait(false)) {
      impatient_took = scene.items > 0;
      scene.items = 0;
    }
    scene.mutex.unlock();
    if (impatient_took) scene.make();
  };
  const auto patient = [&scene] { scene.take(true); };
  const auto makes = [&scene] { scene.make(); };
  return machine.run({impatient, patient, makes}) && scene.taken == 1;
}

bool without_staying(Machine& machine) {
  machine.leave_out(Safeguard::notified_stays);
  return notification_is_kept(machine);
}

TEST(NotifyModel, NoNotificationIsLost) {
  expect_holds(notify_holds<Mutant::none>);
}

TEST(NotifyModel, AWaiterEntersBeforeItGivesTheMutexUp) {
  expect_found_out(notify_holds<Mutant::late_entry>);
}

TEST(NotifyModel, WhoWasNotifiedStaysSo) {
  expect_holds(notification_is_kept);
  expect_found_out(without_staying);
}

// --- joining -------------------------------------------------------------------------------------

// What a waker refers to goes when the waiter has left.
struct JoinWaker {
  Waiter* waiter = nullptr;
  bool* used_too_late = nullptr;
  void wake() const {
    Machine::current()->step();
    if (waiter->gone) *used_too_late = true;
    waiter->end().deliver();
  }
};

// A task ends while another waits for it, with little patience at first.
bool join_holds(Machine& machine) {
  JoinWord<JoinWaker> word;
  Atomic<int> left_behind = 0;
  bool saw_it = false;
  bool used_too_late = false;
  const auto task = [&] {
    left_behind.store(7, std::memory_order_relaxed);
    word.finish();
  };
  std::array<Waiter, 2> selves;
  const auto joins = [&] {
    for (std::size_t i = 0; i < selves.size() && !word.finished(); ++i) {
      if (!word.enter({&selves[i], &used_too_late})) break;
      const bool patient = i == 1;
      const bool woken = selves[i].park(machine, patient ? Machine::never : machine.now_ns());
      if (!woken && !word.leave()) {
        while (!word.is_settled()) machine.step();
      }
      selves[i].gone = true;
    }
    saw_it = left_behind.load(std::memory_order_relaxed) == 7;
  };
  return machine.run({task, joins}) && saw_it && !used_too_late;
}

bool join_without_settling(Machine& machine) {
  machine.leave_out(Safeguard::join_settles);
  return join_holds(machine);
}

bool join_without_recheck(Machine& machine) {
  machine.leave_out(Safeguard::join_recheck);
  return join_holds(machine);
}

TEST(JoinModel, WhoWaitsLearnsOfTheEndAndSeesAll) {
  expect_holds(join_holds);
}

TEST(JoinModel, NeedsItsCompareAndSwap) {
  expect_found_out(join_holds, Defect::torn_rmw);
}

TEST(JoinModel, WhoGivesUpWaitsUntilItsWakerIsDoneWith) {
  expect_found_out(join_without_settling);
}

TEST(JoinModel, WhoComesTooLateMustSeeThat) {
  expect_found_out(join_without_recheck);
}

}  // namespace
}  // namespace c1m::runtime
