// What the tests of deadlock reports share: a runtime that keeps its reports, and coroutines that
// wait for each other. Threads: reports come from workers.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <mutex>
#include <utility>
#include <vector>

#include "os/clock.hpp"
#include "runtime/deadlock.hpp"
#include "runtime/mutex.hpp"
#include "runtime/runtime_fixture.hpp"
#include "runtime/wait_group.hpp"

namespace philosophers {

using c1m::runtime::Mutex;

// Each has one fork and wants the next. A test lets go of the first for whoever holds it, which
// nobody else may do, so that all can end.
[[gnu::noinline]] inline void dine(Mutex& left, Mutex& right,
                                   c1m::runtime::WaitGroup& all_have_one) {
  left.lock();
  all_have_one.done();
  all_have_one.wait();
  right.lock();
  right.unlock();
}

}  // namespace philosophers

namespace c1m::runtime {

// Real time in which the runtime, if it is idle, looks for deadlocks at least once. The tests that
// wait so long expect no report, so a slow machine makes them pass and not fail.
inline constexpr os::Nanoseconds idle_enough_ns = 300 * os::ns_per_ms;
inline constexpr auto idle_enough = std::chrono::nanoseconds(idle_enough_ns);

class DeadlockFixture : public RuntimeFixture, public testing::WithParamInterface<unsigned> {
 protected:
  void set_up_with(DeadlockPolicy policy) {
    policy.handler = [this](const Deadlock& deadlock) {
      {
        const std::lock_guard lock(mutex_);
        reported_.push_back(deadlock);
      }
      if (then_) then_();
    };
    set_up(
        {.processors = GetParam(), .stack_bytes = stack_bytes, .on_deadlock = std::move(policy)});
  }

  std::size_t reports() {
    const std::lock_guard lock(mutex_);
    return reported_.size();
  }

  std::function<void()> then_;  // what ends the deadlock
  std::vector<Deadlock> reported_;
  std::mutex mutex_;
};

}  // namespace c1m::runtime
