// Scenarios of locks between coroutines on either kind of stack and a plain thread, and of waiters
// that give up at the moment at which they are served.
#include <cerrno>
#include <mutex>
#include <shared_mutex>

#include "runtime/condition_variable.hpp"
#include "runtime/model/scenarios.hpp"
#include "runtime/once.hpp"
#include "runtime/semaphore.hpp"
#include "runtime/shared_mutex.hpp"
#include "runtime/sleep.hpp"
#include "runtime/spawn.hpp"
#include "runtime/wait_group.hpp"
#include "runtime/yield.hpp"

namespace c1m::runtime::model {
namespace {

template <class Body>
void start(Stage& stage, int number, Body body) {
  stage.begin();
  const auto spawned = spawn(
      [&stage, body = std::move(body)] mutable {
        body();
        stage.end();
      },
      {.stack = number % 2 == 0 ? StackPolicy::dedicated : StackPolicy::compact});
  stage.require(spawned.has_value(), "a spawn has failed");
}

constexpr std::uint64_t units = 3;

struct Locks {
  Mutex mutex;
  SharedMutex shared;
  Semaphore semaphore{units};
  Once once;
  int in_mutex = 0;
  int readers = 0;
  int writers = 0;
  std::uint64_t units_out = 0;
  int calls = 0;
};

// A coroutine, or the thread beside the run, which gives way otherwise.
void use_locks(Stage& stage, Locks& locks, bool on_thread) {
  const auto give_way = [&stage, on_thread] {
    if (!on_thread && stage.pick(3) == 0) yield();
    if (on_thread) stage.machine().step();
  };
  {
    const std::lock_guard lock(locks.mutex);
    stage.require(++locks.in_mutex == 1, "two are inside of a mutex");
    give_way();
    --locks.in_mutex;
  }
  if (stage.pick(2) == 0) {
    const std::lock_guard lock(locks.shared);
    stage.require(++locks.writers == 1 && locks.readers == 0, "a writer is not alone");
    give_way();
    --locks.writers;
  } else {
    const std::shared_lock lock(locks.shared);
    ++locks.readers;
    stage.require(locks.writers == 0, "a reader meets a writer");
    give_way();
    --locks.readers;
  }
  locks.once.call([&] { ++locks.calls; });
  stage.require(locks.calls == 1, "once is not once");
  const auto wanted = 1 + static_cast<std::uint64_t>(stage.pick(3));
  locks.semaphore.acquire(wanted);
  locks.units_out += wanted;
  stage.require(locks.units_out <= units, "more units are out than there are");
  give_way();
  locks.units_out -= wanted;
  locks.semaphore.release(wanted);
}

}  // namespace

void uses_locks_beside_a_thread(Stage& stage) {
  auto& locks = stage.shared<Locks>();
  for (int i = 0; i < 4; ++i) {
    start(stage, i, [&stage, &locks] {
      for (int rounds = 0; rounds < 2; ++rounds) use_locks(stage, locks, false);
    });
  }
}

void uses_locks_on_a_thread(Stage& stage) {
  auto& locks = stage.shared<Locks>();
  for (int rounds = 0; rounds < 3; ++rounds) use_locks(stage, locks, true);
}

// A large request gives up, perhaps at the moment at which it is served, before small ones, without
// which the unit that it lacked does not come back.
void gives_up_a_semaphore(Stage& stage) {
  struct Shared {
    Semaphore semaphore{units};
    WaitGroup small{2};
  };
  auto& shared = stage.make<Shared>();
  shared.semaphore.acquire(1);
  start(stage, 0, [&stage, &shared] {
    const os::Nanoseconds until_ns = now_ns() + stage.pick(60) * os::ns_per_us;
    const auto got = shared.semaphore.acquire(units, background, until_ns);
    stage.require(got || got.error().code == ETIMEDOUT, "a wait has ended for no reason");
    if (got) shared.semaphore.release(units);
  });
  for (int i = 0; i < 2; ++i) {
    start(stage, i, [&stage, &shared] {
      for (int rounds = 0; rounds < 2; ++rounds) {
        // Two of these and the first's do not fit at once: they, too, wait and give up.
        const os::Nanoseconds patience_ns = stage.pick(60) * os::ns_per_us;
        if (shared.semaphore.acquire(2, background, now_ns() + patience_ns)) {
          if (stage.pick(2) == 0) yield();
          shared.semaphore.release(2);
        }
      }
      shared.semaphore.acquire(1);
      shared.small.done();
      shared.semaphore.release(1);
    });
  }
  shared.small.wait();
  shared.semaphore.release(1);
  shared.semaphore.acquire(units);  // all are back
  shared.semaphore.release(units);
}

// One that waits for a condition gives up, another does not; a single notification comes, which the
// first passes on if it gets it.
void gives_up_a_condition(Stage& stage) {
  struct Shared {
    Mutex mutex;
    ConditionVariable changed;
    bool item = false;
  };
  auto& shared = stage.make<Shared>();
  start(stage, 0, [&stage, &shared] {
    std::unique_lock lock(shared.mutex);
    if (shared.item) return;
    const os::Nanoseconds until_ns = now_ns() + stage.pick(30) * os::ns_per_us;
    if (shared.changed.wait(lock, background, until_ns)) shared.changed.notify_one();
  });
  start(stage, 1, [&shared] {
    std::unique_lock lock(shared.mutex);
    shared.changed.wait(lock, [&shared] { return shared.item; });
  });
  if (stage.pick(2) == 0) {
    stage.require(sleep_for(stage.pick(30) * os::ns_per_us).has_value(), "a sleep has failed");
  }
  {
    const std::lock_guard lock(shared.mutex);
    shared.item = true;
  }
  shared.changed.notify_one();
}

}  // namespace c1m::runtime::model
