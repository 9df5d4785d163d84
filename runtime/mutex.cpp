// The way of one that finds the lock taken: look a few times, then park; see mutex.hpp.
#include "runtime/mutex.hpp"

#include <array>

#include "os/assert.hpp"
#include "os/clock.hpp"
#include "os/pause.hpp"
#include "runtime/any_wait.hpp"
#include "runtime/wait_block.hpp"

namespace c1m::runtime {
namespace {

// As in Go: a waiter that competes with running coroutines for longer gets the lock handed over. Or
// one that came too late so often: under a virtual clock no time passes.
constexpr os::Nanoseconds starvation_ns = os::ns_per_ms;
constexpr int late_comings_max = 100;

// The looks at a taken lock before parking: one for sections of some ten instructions, one after
// some 8 us. No more, because each takes the word's cache line from the one that works with it; and
// none at all when this processor has other work, or there is no other one on which the holder
// could be running.
constexpr std::array<unsigned, 2> pauses_before_looks{16, 256};

bool worth_looking_again() {
  Worker* const worker = current_worker();
  if (worker == nullptr || !worker->runs_coroutine()) return true;  // a plain thread
  return worker->scheduler().processors().wanted() > 1 && !worker->processor().has_work() &&
         worker->processor().pinned.size() == 0;
}

os::Nanoseconds time_of_caller() {
  Worker* const worker = current_worker();
  const bool is_coroutine = worker != nullptr && worker->runs_coroutine();
  return is_coroutine ? worker->scheduler().now_ns() : platform::monotonic_ns();
}

template <class TryLock>
bool look_again(TryLock try_lock) {
  for (const unsigned pauses : pauses_before_looks) {
    if (!worth_looking_again()) return false;
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
  if (look_again([this] { return word_.try_lock(); })) return;
  InWaitBlock<Waiter> waiter;
  const os::Nanoseconds since_ns = time_of_caller();
  auto arrival = Word::Arrival::first;
  for (int late_comings = 1; !lock_or_park(*waiter, arrival); ++late_comings) {
    const bool starves =
        late_comings >= late_comings_max || time_of_caller() - since_ns >= starvation_ns;
    arrival = starves ? Word::Arrival::starving : Word::Arrival::woken;
  }
}

// False: woken, and too late.
bool Mutex::lock_or_park(Waiter& waiter, Word::Arrival arrival) {
  {
    AnyWait wait(WaitReason::mutex, &holder_);
    waiter.waker = wait.waker();
    if (word_.lock_or_wait(waiter, arrival)) {
      wait.cancel();
      return true;
    }
    wait.park_for_one();
  }
  if (word_.take_handed() || word_.try_lock_woken()) return true;
  return look_again([this] { return word_.try_lock_woken(); });
}

}  // namespace c1m::runtime
