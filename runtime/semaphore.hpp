// A weighted semaphore, as golang.org/x/sync/semaphore: so many units, of which each user takes as
// many as its work weighs. Invariants: who has come first is served first, and nobody overtakes one
// that waits for many units; one that gives up, at its deadline or by its context, has either left
// the queue or got its units, and then says so.
// Threads: any, coroutines of any runtime and plain threads; who releases need not be who acquired.
// Not here: an end of a wait without deadline by Runtime::stop(); release() ends it.
#pragma once

#include <cstdint>

#include "os/clock.hpp"
#include "os/result.hpp"
#include "runtime/cancellation.hpp"
#include "runtime/frame_check.hpp"
#include "runtime/semaphore_word.hpp"
#include "runtime/waker.hpp"

namespace c1m::runtime {

class Semaphore {
 public:
  // With so many units, all free.
  explicit Semaphore(std::uint64_t units) : capacity_(units), word_(units) {}
  Semaphore(const Semaphore&) = delete;
  Semaphore& operator=(const Semaphore&) = delete;
  // When all units are back, nobody waits and every call on it has returned.
  ~Semaphore();

  // Takes units, at most as many as there are, if they are free and nobody waits.
  [[nodiscard]] bool try_acquire(std::uint64_t units = 1) {
    check_reachable(this, "Semaphore::try_acquire");
    return word_.try_acquire(units);
  }

  // Parks until they are its turn's and free.
  void acquire(std::uint64_t units = 1) {
    check_reachable(this, "Semaphore::acquire");
    if (!word_.try_acquire(units)) wait(units);
  }

  // The same, but fails with the context's error() once that is cancelled, with ETIMEDOUT at
  // `deadline_ns` of now_ns() (sleep.hpp; the monotonic clock on a plain thread), and with
  // ECANCELED when the coroutine's runtime is stopped. A context that is cancelled already lets
  // nobody wait, but takes units that are free.
  [[nodiscard]] os::Result<void> acquire(std::uint64_t units, const Context& context,
                                         os::Nanoseconds deadline_ns = no_deadline) {
    check_reachable(this, "Semaphore::acquire");
    if (word_.try_acquire(units)) return {};
    return wait(units, context, deadline_ns);
  }

  // Gives units back.
  void release(std::uint64_t units = 1) {
    check_reachable(this, "Semaphore::release");
    if (!word_.release_to_nobody(units)) serve(units);
  }

  // As they are at some moment.
  [[nodiscard]] std::uint64_t free_units() const { return word_.free_units(); }

 private:
  struct Waiter {
    using Ended = EndedWait;

    Waiter* previous = nullptr;
    Waiter* next = nullptr;
    std::uint64_t units = 0;
    Waker waker;
    bool queued = false;

    [[nodiscard]] EndedWait end() const { return waker.end(); }
  };

  void serve(std::uint64_t units);
  void wait(std::uint64_t units);
  [[nodiscard]] os::Result<void> wait(std::uint64_t units, const Context& context,
                                      os::Nanoseconds deadline_ns);

  const std::uint64_t capacity_;
  SemaphoreWord<Waiter> word_;
};

}  // namespace c1m::runtime
