// Scenarios without descriptors: spawning, parking, sleeping, stopping, processors that change.
// What computes does so in Machine::wait_until(): it holds its processor and gives nothing way.
#include <array>
#include <cstdint>
#include <memory>
#include <tuple>

#include "runtime/blocking.hpp"
#include "runtime/detached_call.hpp"
#include "runtime/model/scenarios.hpp"
#include "runtime/mutex.hpp"
#include "runtime/sleep.hpp"
#include "runtime/spawn.hpp"
#include "runtime/wait.hpp"
#include "runtime/yield.hpp"

namespace c1m::runtime::model {
namespace {

void spawn_or_fail(Stage& stage, std::move_only_function<void()> function) {
  stage.require(spawn(std::move(function)).has_value(), "a spawn has failed");
}

// Every coroutine yields some times and spawns some children, as chance wants.
void grow(Stage& stage, int depth) {
  stage.begin();
  const int children = depth == 0 ? 0 : 1 + stage.pick(3);
  for (int i = 0; i < children; ++i) {
    spawn_or_fail(stage, [&stage, depth] { grow(stage, depth - 1); });
    if (stage.pick(3) == 0) yield();
  }
  for (int i = stage.pick(3); i > 0; --i) yield();
  stage.end();
}

// Two coroutines hand a turn to and fro; each parks until the other wakes it or has ended.
struct PingPong {
  explicit PingPong(Stage& stage_of_both) : stage(stage_of_both) {}

  void play(int side) {
    stage.begin();
    for (int i = 0; i < 5; ++i) {
      Wait wait(WaitReason::none);
      waiting[side].store(wait.token().bits());
      wake_other(side);
      if (ended[1 - side].load()) {
        wait.cancel();
      } else {
        wait.park();
      }
      waiting[side].exchange(0);
    }
    ended[side].store(true);
    wake_other(side);
    stage.end();
  }

  void wake_other(int side) {
    const std::uint64_t other = waiting[1 - side].exchange(0);
    if (other == 0) return;
    worker_of_caller().scheduler().wake(WakeToken::from_bits(other));
  }

  Stage& stage;
  Atomic<std::uint64_t> waiting[2];
  Atomic<bool> ended[2];
};

}  // namespace

void spawn_tree(Stage& stage) {
  grow(stage, 3);
}

void ping_pong(Stage& stage) {
  for (int pair = 0; pair < 2; ++pair) {
    auto game = std::make_shared<PingPong>(stage);
    for (const int side : {0, 1}) spawn_or_fail(stage, [game, side] { game->play(side); });
  }
}

// Compact coroutines, more than there are slots. Those of one slot wake each other, and yield in
// between.
void share_slots(Stage& stage) {
  for (int pair = 0; pair < 2; ++pair) {
    auto game = std::make_shared<PingPong>(stage);
    for (const int side : {0, 1}) {
      const auto body = [game, side] {
        game->play(side);
        yield();
      };
      const auto spawned = spawn(body, {.stack = StackPolicy::compact});
      stage.require(spawned.has_value(), "a spawn has failed");
    }
  }
}

// Compact coroutines that wait at one point so often that there is a template for their frames;
// then a word of these changes that was the same in all from which it was made.
void keep_frames(Stage& stage) {
  constexpr int turns = 24;
  for (int i = 0; i < 6; ++i) {
    const auto body = [&stage] {
      stage.begin();
      for (int turn = 0; turn < turns; ++turn) {
        volatile std::int64_t third = turn / (turns / 3);  // a word of its own
        yield();
        stage.require(third == turn / (turns / 3), "a frame has changed while it was frozen");
      }
      stage.end();
    };
    const auto spawned = spawn(body, {.stack = StackPolicy::compact});
    stage.require(spawned.has_value(), "a spawn has failed");
  }
}

// Pairs hand turns to and fro, with a frame beneath that must stay as it is, while a thread beside
// and they themselves freeze whoever waits.
void parks_on_freezable_stacks(Stage& stage) {
  for (int pair = 0; pair < 2; ++pair) {
    auto game = std::make_shared<PingPong>(stage);
    for (const int side : {0, 1}) {
      const auto body = [game, side, &stage, pair] {
        volatile std::int64_t kept = 100 * pair + side;
        game->play(side);
        if (stage.pick(3) == 0) std::ignore = stage.runtime().freeze_idle(0);
        yield();
        game->play(side);
        stage.require(kept == 100 * pair + side, "a frame has changed while it was frozen");
      };
      const auto spawned = spawn(body, {.stack = StackPolicy::freezable});
      stage.require(spawned.has_value(), "a spawn has failed");
    }
  }
}

void freezes_stacks(Stage& stage) {
  for (int i = 8 + stage.pick(16); i > 0; --i) {
    for (int steps = stage.pick(30); steps > 0; --steps) stage.machine().step();
    std::ignore = stage.runtime().freeze_idle(0);
  }
}

// A coroutine that parks once, for somebody who has its token.
struct Sleeper {
  Atomic<std::uint64_t> waiting = 0;  // its token's bits, once there are some
  bool ran = false;

  void start(Stage& stage) {
    spawn_or_fail(stage, [this] {
      Wait wait(WaitReason::none);
      waiting.store(wait.token().bits());
      wait.park();
      ran = true;
    });
  }
  void wake() { worker_of_caller().scheduler().wake(WakeToken::from_bits(waiting.load())); }
};

// A coroutine computes until the one that it has spawned, or woken, has run: on another processor,
// which must be woken for that.
void needs_another_processor(Stage& stage) {
  for (int i = 0; i < 3; ++i) {
    Sleeper sleeper;
    sleeper.start(stage);
    stage.machine().wait_until([&sleeper] { return sleeper.waiting.load() != 0; });
    sleeper.wake();
    stage.machine().wait_until([&sleeper] { return sleeper.ran; });
    if (stage.pick(2) == 0) yield();
  }
}

// The only worker computes until the coroutine that it has woken has run: on a processor that is
// added at that moment.
void computes_until_helped(Stage& stage) {
  Sleeper sleeper;
  sleeper.start(stage);
  while (sleeper.waiting.load() == 0) yield();
  for (int i = stage.pick(40); i > 0; --i) stage.machine().step();
  sleeper.wake();
  stage.machine().wait_until([&sleeper] { return sleeper.ran; });
}

void adds_a_processor(Stage& stage) {
  for (int i = stage.pick(80); i > 0; --i) stage.machine().step();
  stage.require(stage.runtime().set_processors(2).has_value(), "no thread is to be had");
}

// Three coroutines each compute until all have run. Who is woken for the first must wake another.
void three_compute(Stage& stage) {
  auto running = std::make_shared<int>(1);
  for (int i = 0; i < 2; ++i) {
    spawn_or_fail(stage, [&stage, running] {
      ++*running;
      stage.machine().wait_until([&running] { return *running == 3; });
    });
  }
  stage.machine().wait_until([&running] { return *running == 3; });
}

// Two timers fire at once, and each coroutine computes until the other has run too.
void batch_needs_another_processor(Stage& stage) {
  for (int i = 0; i < 2; ++i) {
    auto ran = std::make_shared<std::array<bool, 2>>();
    const os::Nanoseconds then_ns = now_ns() + 5 * os::ns_per_ms;
    for (const std::size_t side : {0U, 1U}) {
      spawn_or_fail(stage, [&stage, ran, side, then_ns] {
        stage.begin();
        stage.require(sleep_until(then_ns).has_value(), "a sleep has failed");
        (*ran)[side] = true;
        stage.machine().wait_until([&ran, side] { return (*ran)[1 - side]; });
        stage.end();
      });
    }
    stage.require(sleep_until(then_ns + 5 * os::ns_per_ms).has_value(), "a sleep has failed");
  }
}

// Two wake the same wait; who comes late must not end the sleep after it.
void wakes_twice(Stage& stage) {
  for (int i = 0; i < 3; ++i) {
    {
      Wait wait(WaitReason::none);
      for (int wakers = 0; wakers < 2; ++wakers) {
        spawn_or_fail(stage,
                      [token = wait.token()] { worker_of_caller().scheduler().wake(token); });
      }
      wait.park();
    }
    const os::Nanoseconds until_ns = now_ns() + 300 * os::ns_per_us;
    stage.require(sleep_until(until_ns).has_value(), "a sleep has failed");
    stage.require(now_ns() >= until_ns, "a late token has ended another wait");
  }
}

void sleeps_in_any_order(Stage& stage) {
  for (int i = 0; i < 6; ++i) {
    spawn_or_fail(stage, [&stage] {
      stage.begin();
      for (int sleeps = 0; sleeps < 3; ++sleeps) {
        const os::Nanoseconds until_ns = now_ns() + stage.pick(200) * os::ns_per_us;
        stage.require(sleep_until(until_ns).has_value(), "a sleep has failed");
        stage.require(now_ns() >= until_ns, "a timer has fired early");
      }
      stage.end();
    });
  }
}

void locks_a_mutex(Stage& stage) {
  struct Shared {
    Mutex mutex;
    bool locked = false;
  };
  auto& shared = stage.make<Shared>();
  for (int i = 0; i < 4; ++i) {
    spawn_or_fail(stage, [&stage, &shared] {
      stage.begin();
      for (int turns = 0; turns < 3; ++turns) {
        shared.mutex.lock();
        stage.require(!std::exchange(shared.locked, true), "two hold the mutex");
        if (stage.pick(2) == 0) yield();
        stage.machine().step();
        shared.locked = false;
        shared.mutex.unlock();
      }
      stage.end();
    });
  }
}

void blocks_in_calls(Stage& stage) {
  for (int i = 0; i < 3; ++i) {
    spawn_or_fail(stage, [&stage] {
      stage.begin();
      const os::Nanoseconds lasts_ns = stage.pick(400) * os::ns_per_us;
      const int answer = blocking([&stage, lasts_ns] {
        Machine& machine = stage.machine();
        machine.wait_until([] { return false; }, machine.now_ns() + lasts_ns);
        return 7;
      });
      stage.require(answer == 7, "a blocking call has lost its value");
      yield();
      stage.end();
    });
  }
  for (int i = 0; i < 5; ++i) yield();
}

// Of some the deadline comes first; their calls, which end later, must not end the sleep.
void leaves_calls(Stage& stage) {
  for (int i = 0; i < 3; ++i) {
    spawn_or_fail(stage, [&stage] {
      stage.begin();
      const os::Nanoseconds lasts_ns = stage.pick(400) * os::ns_per_us;
      const os::Nanoseconds deadline_ns = now_ns() + stage.pick(400) * os::ns_per_us;
      const auto answer = std::make_shared<int>(0);
      const auto call = [&stage, lasts_ns, answer] {
        Machine& machine = stage.machine();
        machine.wait_until([] { return false; }, machine.now_ns() + lasts_ns);
        *answer = 7;
      };
      const auto ended = call_detached(call, WaitReason::name_lookup, deadline_ns, background);
      if (ended) {
        stage.require(*answer == 7, "a call that has ended has no value");
      } else {
        stage.require(ended.error().code == ETIMEDOUT, "a call has failed");
        stage.require(now_ns() >= deadline_ns, "a call was left before its deadline");
      }
      const os::Nanoseconds until_ns = now_ns() + 500 * os::ns_per_us;
      stage.require(sleep_until(until_ns).has_value(), "a sleep has failed");
      stage.require(now_ns() >= until_ns, "the end of a left call has ended another wait");
      stage.end();
    });
  }
}

void changes_processors(Stage& stage) {
  spawn_or_fail(stage, [&stage] { grow(stage, 2); });
  for (int i = 0; i < 4; ++i) {
    const auto count = static_cast<unsigned>(1 + stage.pick(3));
    stage.require(stage.runtime().set_processors(count).has_value(), "no thread is to be had");
    spawn_or_fail(stage, [&stage] { grow(stage, 1); });
    if (stage.pick(2) == 0) {
      stage.require(sleep_for(stage.pick(50) * os::ns_per_us).has_value(), "a sleep has failed");
    }
  }
}

void sleeps_until_stopped(Stage& stage) {
  for (int i = 0; i < 4; ++i) {
    spawn_or_fail(stage, [&stage] {
      stage.begin();
      const auto slept = sleep_for(TimerHeap::never);
      stage.require(!slept && slept.error().code == ECANCELED, "an endless sleep has ended");
      stage.end();
    });
  }
  if (stage.pick(2) == 0) return;  // the thread beside stops as well
  for (int i = stage.pick(60); i > 0; --i) stage.machine().step();
  stage.runtime().stop();
}

void stops_at_some_time(Stage& stage) {
  for (int i = stage.pick(400); i > 0; --i) stage.machine().step();
  stage.runtime().stop();
}

// The first coroutine parks until one that comes from outside wakes it.
void waits_for_the_outside(Stage& stage) {
  stage.begin();
  Wait wait(WaitReason::none);
  stage.token().store(wait.token().bits());
  wait.park();
  stage.end();
}

void spawns_from_outside(Stage& stage) {
  for (int i = stage.pick(200); i > 0; --i) stage.machine().step();
  stage.begin();
  const auto spawned = stage.runtime().spawn([&stage] {
    while (stage.token().load() == 0) yield();
    worker_of_caller().scheduler().wake(WakeToken::from_bits(stage.token().load()));
    stage.end();
  });
  stage.require(spawned.has_value(), "a spawn has failed");
}

// Some spawns fail, because no record or no stack is to be had; the others run.
void spawns_beyond_the_limit(Stage& stage) {
  for (int i = 0; i < 20; ++i) {
    stage.begin();
    const auto spawned = spawn([&stage] {
      yield();
      stage.end();
    });
    if (spawned) continue;
    const bool expected = spawned.error().code == EAGAIN || spawned.error().code == ENOMEM;
    stage.require(expected, "a spawn has failed for another reason");
    stage.end();
    yield();
  }
}

}  // namespace c1m::runtime::model
