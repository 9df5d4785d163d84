// The way of a coroutine that finds the lock taken: look a few times, then park; see mutex.hpp.
#include "runtime/mutex.hpp"

#include <array>

#include "os/assert.hpp"
#include "os/clock.hpp"
#include "os/pause.hpp"
#include "runtime/sleep.hpp"
#include "runtime/wait.hpp"

namespace c1m::runtime {
namespace {

using Arrival = LockWord<Coroutine>::Arrival;

// As in Go: a waiter that competes with running coroutines for longer gets the lock handed over. Or
// one that came too late so often: under a virtual clock no time passes.
constexpr os::Nanoseconds starvation_ns = os::ns_per_ms;
constexpr int late_comings_max = 100;

// The looks at a taken lock before parking: one for sections of some ten instructions, one after
// some 8 us. No more, because each takes the word's cache line from the one that works with it; and
// none at all when this processor has other work, or there is no other one on which the holder
// could be running.
constexpr std::array<unsigned, 2> pauses_before_looks{16, 256};

bool worth_looking_again(Worker& worker) {
  return worker.scheduler().processors().wanted() > 1 && !worker.processor().has_work() &&
         worker.processor().pinned.size() == 0;
}

template <class TryLock>
bool look_again(TryLock try_lock) {
  for (const unsigned pauses : pauses_before_looks) {
    if (!worth_looking_again(worker_of_caller())) return false;
    for (unsigned i = 0; i < pauses; ++i) os::pause_cpu();
    if (try_lock()) return true;
  }
  return false;
}

}  // namespace

Mutex::~Mutex() {
  C1M_ASSERT(word_.is_idle(), "a mutex is destroyed when nobody holds it or waits for it");
}

void Mutex::wait_and_lock() {
  C1M_ASSERT(current_worker() != nullptr, "a mutex is for coroutines: a thread cannot wait for it");
  if (look_again([this] { return word_.try_lock(); })) return;
  const os::Nanoseconds since_ns = now_ns();
  auto arrival = Arrival::first;
  for (int late_comings = 1; !lock_or_park(arrival); ++late_comings) {
    const bool starves = late_comings >= late_comings_max || now_ns() - since_ns >= starvation_ns;
    arrival = starves ? Arrival::starving : Arrival::woken;
  }
}

// False: woken, and too late.
bool Mutex::lock_or_park(LockWord<Coroutine>::Arrival arrival) {
  {
    Wait wait(WaitReason::mutex);
    if (word_.lock_or_wait(wait.coroutine(), arrival)) {
      wait.cancel();
      return true;
    }
    wait.park();
  }
  if (word_.take_handed() || word_.try_lock_woken()) return true;
  return look_again([this] { return word_.try_lock_woken(); });
}

void Mutex::wake(Coroutine& waiter) {
  worker_of_caller().scheduler().wake(waiter.token());
}

}  // namespace c1m::runtime
