// A program by chance: coroutines on every kind of stack that spawn, wait in every way that there
// is, pin themselves, freeze the stacks of those that wait and change the processors, in an order
// that the seed decides. What a coroutine holds it gives back before it waits for another, so that
// every program ends.
#include <array>
#include <cerrno>
#include <cstddef>
#include <tuple>

#include "runtime/affinity.hpp"
#include "runtime/blocking.hpp"
#include "runtime/cancellation.hpp"
#include "runtime/model/scenarios.hpp"
#include "runtime/mutex.hpp"
#include "runtime/sleep.hpp"
#include "runtime/spawn.hpp"
#include "runtime/thread_state.hpp"
#include "runtime/timer_heap.hpp"
#include "runtime/wait_group.hpp"
#include "runtime/yield.hpp"

namespace c1m::runtime::model {
namespace {

constexpr int operations_max = 5;  // of a coroutine
constexpr int depth_max = 3;
constexpr int spawns_max = 24;

class Program {
 public:
  explicit Program(Stage& stage) : stage_(stage) {}

  // What a coroutine does; those at depth 0 have no children.
  void perform(int depth) {
    for (int left = 1 + stage_.pick(operations_max); left > 0; --left) operate(depth);
  }

 private:
  void operate(int depth) {
    switch (stage_.pick(11)) {
      case 0:
        std::ignore = try_start(depth, [] {});
        break;
      case 1:
        yield();
        break;
      case 2:
        sleep();
        break;
      case 3:
        work_under_lock();
        break;
      case 4:
        join_children(depth);
        break;
      case 5:
        stage_.require(blocking([] { return 7; }) == 7, "a call has lost its value");
        break;
      case 6:
        cancel_a_sleep(depth);
        break;
      case 7:
        stay_on_processor();
        break;
      case 8:
        stay_on_thread();
        break;
      case 9:
        std::ignore = stage_.runtime().freeze_idle(0);
        break;
      default:
        change_processors();
    }
  }

  // Starts a child that performs, and then does `last`. False when there are enough.
  template <class Last>
  bool try_start(int depth, const Last& last) {
    if (depth == 0 || spawns_ == spawns_max) return false;
    ++spawns_;
    stage_.begin();
    constexpr std::array stacks{StackPolicy::dedicated, StackPolicy::compact,
                                StackPolicy::freezable};
    const StackPolicy stack = stacks[static_cast<std::size_t>(stage_.pick(3))];
    const auto spawned = spawn(
        [this, depth, last] {
          perform(depth - 1);
          last();
          stage_.end();
        },
        {.stack = stack});
    stage_.require(spawned.has_value(), "a spawn has failed");
    return true;
  }

  void sleep() {
    const os::Nanoseconds until_ns = now_ns() + stage_.pick(100) * os::ns_per_us;
    stage_.require(sleep_until(until_ns).has_value(), "a sleep has failed");
    stage_.require(now_ns() >= until_ns, "a timer has fired early");
  }

  void work_under_lock() {
    mutex_.lock();
    stage_.require(++inside_ == 1, "two hold the mutex");
    pause();
    --inside_;
    mutex_.unlock();
  }

  void pause() {
    if (stage_.pick(3) == 0) {
      sleep();
    } else {
      yield();
    }
  }

  void join_children(int depth) {
    auto& group = stage_.make<WaitGroup>();
    auto& ended = stage_.make<int>(0);
    int children = 0;
    for (int i = stage_.pick(3); i > 0; --i) {
      group.add();
      const bool started = try_start(depth, [&group, &ended] {
        ++ended;
        group.done();
      });
      if (started) {
        ++children;
      } else {
        group.done();
      }
    }
    group.wait();
    stage_.require(ended == children, "a wait for a group has ended early");
  }

  void cancel_a_sleep(int depth) {
    const CancelSource source;
    if (!try_start(depth, [source] { source.cancel(); })) source.cancel();
    const auto slept = sleep_for(TimerHeap::never, source.context());
    stage_.require(!slept && slept.error().code == ECANCELED, "an endless sleep has ended");
  }

  void stay_on_processor() {
    const ProcessorPin pin;
    pause();
    stage_.require(current_processor() == pin.processor(), "it is not where it is pinned");
  }

  void stay_on_thread() {
    const auto lock = ThreadLock::acquire();
    stage_.require(lock.has_value(), "a thread lock has failed");
    const Worker* mine = current_worker();
    pause();
    stage_.require(current_worker() == mine, "it is not on its thread");
  }

  void change_processors() {
    const auto count = static_cast<unsigned>(1 + stage_.pick(3));
    stage_.require(stage_.runtime().set_processors(count).has_value(), "a change has failed");
  }

  Stage& stage_;
  Mutex mutex_;
  int inside_ = 0;
  int spawns_ = 0;
};

}  // namespace

void runs_a_random_program(Stage& stage) {
  stage.make<Program>(stage).perform(depth_max);
}

}  // namespace c1m::runtime::model
