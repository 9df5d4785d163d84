// Scenarios of what stands on waits: contexts that cancel them, groups, tickers, alarms; and of
// compact coroutines where they meet pins, thread locks and changing processors. What several
// coroutines use is the stage's: frames of compact ones move.
#include <cerrno>
#include <memory>

#include "runtime/affinity.hpp"
#include "runtime/alarm.hpp"
#include "runtime/blocking.hpp"
#include "runtime/cancellation.hpp"
#include "runtime/model/scenarios.hpp"
#include "runtime/sleep.hpp"
#include "runtime/spawn.hpp"
#include "runtime/thread_state.hpp"
#include "runtime/ticker.hpp"
#include "runtime/timer_heap.hpp"
#include "runtime/wait_group.hpp"
#include "runtime/yield.hpp"

namespace c1m::runtime::model {
namespace {

void sleep_a_little(Stage& stage) {
  stage.require(sleep_for(stage.pick(50) * os::ns_per_us).has_value(), "a sleep has failed");
}

void sleep_or_yield(Stage& stage) {
  if (stage.pick(2) == 0) {
    sleep_a_little(stage);
  } else {
    yield();
  }
}

}  // namespace

// Sleeps without end, of which one source ends the present and the future ones.
void cancels_sleeps(Stage& stage) {
  const auto& source = stage.make<CancelSource>();
  for (int i = 0; i < 4; ++i) {
    start(stage, i % 2 == 0 ? dedicated : compact, [&stage, &source] {
      for (int sleeps = 0; sleeps < 2; ++sleeps) {
        const auto slept = sleep_for(TimerHeap::never, source.context());
        stage.require(!slept && slept.error().code == ECANCELED, "an endless sleep has ended");
      }
    });
  }
  start(stage, dedicated, [&stage, &source] {
    const os::Nanoseconds until_ns = now_ns() + stage.pick(100) * os::ns_per_us;
    const bool slept = sleep_until(until_ns, source.context()).has_value();
    stage.require(!slept || now_ns() >= until_ns, "a sleep has ended early");
    sleep_a_little(stage);  // without the context: nothing of the last wait may end it
  });
  for (int i = stage.pick(3); i > 0; --i) sleep_or_yield(stage);
  source.cancel();
}

// Several wait for a group, which is used again at once; children of children.
void joins_groups(Stage& stage) {
  struct Shared {
    WaitGroup group;
    int ended = 0;
  };
  for (int round = 0; round < 2; ++round) {
    auto& shared = stage.make<Shared>();
    shared.group.add(3);
    for (int i = 0; i < 3; ++i) {
      start(stage, i % 2 == 0 ? dedicated : compact, [&stage, &shared] {
        for (int waits = stage.pick(3); waits > 0; --waits) sleep_or_yield(stage);
        ++shared.ended;
        shared.group.done();
      });
    }
    for (int i = 0; i < 2; ++i) {
      start(stage, i % 2 == 0 ? dedicated : compact, [&stage, &shared] {
        shared.group.wait();
        stage.require(shared.ended == 3, "a wait for a group has ended early");
      });
    }
    shared.group.wait();
    stage.require(shared.ended == 3, "a wait for a group has ended early");
  }
}

// A ticker and an alarm, which others set again and stop while somebody waits for them.
void ticks(Stage& stage) {
  auto& ticker = stage.make<Ticker>(20 * os::ns_per_us);
  start(stage, dedicated, [&stage, &ticker] {
    for (;;) {
      const auto tick_ns = ticker.wait();
      if (!tick_ns) break;
      stage.require(now_ns() >= *tick_ns, "a tick has come early");
    }
  });
  auto& alarm = stage.make<Alarm>(TimerHeap::never);
  start(stage, compact, [&stage, &alarm] {
    const auto due_ns = alarm.wait();
    stage.require(due_ns.has_value() && now_ns() >= *due_ns, "an alarm has come early");
  });
  auto called = std::make_shared<bool>(false);
  auto call = call_after(stage.pick(60) * os::ns_per_us, [called] { *called = true; });
  stage.require(call.has_value(), "a spawn has failed");
  for (int i = 0; i < 3; ++i) {
    sleep_or_yield(stage);
    if (stage.pick(2) == 0) ticker.reset((1 + stage.pick(30)) * os::ns_per_us);
  }
  const bool prevented = call->cancel();
  stage.require(!(prevented && *called), "a call that was prevented has been made");
  std::ignore = alarm.reset(stage.pick(40) * os::ns_per_us);
  ticker.reset(TimerHeap::never);  // from here on only stop() ends the wait
  sleep_or_yield(stage);
  ticker.stop();
}

// Compact coroutines, more than there are slots, that pin themselves for a while.
void pins_compact_ones(Stage& stage) {
  for (int i = 0; i < 5; ++i) {
    start(stage, i == 0 ? dedicated : compact, [&stage] {
      for (int rounds = 0; rounds < 2; ++rounds) {
        sleep_or_yield(stage);
        const ProcessorPin pin;
        sleep_or_yield(stage);
        stage.require(current_processor() == pin.processor(), "it is not where it is pinned");
      }
    });
  }
}

// The same with threads of their own.
void locks_threads_of_compact_ones(Stage& stage) {
  for (int i = 0; i < 4; ++i) {
    start(stage, i == 0 ? dedicated : compact, [&stage] {
      sleep_or_yield(stage);
      const auto lock = ThreadLock::acquire();
      stage.require(lock.has_value(), "a thread lock has failed");
      const Worker* mine = current_worker();
      for (int rounds = 0; rounds < 2; ++rounds) {
        sleep_or_yield(stage);
        stage.require(current_worker() == mine, "it is not on its thread");
      }
    });
  }
}

// Compact coroutines while processors come and go; some make calls that block.
void changes_processors_of_compact_ones(Stage& stage) {
  for (int i = 0; i < 5; ++i) {
    start(stage, i == 0 ? dedicated : compact, [&stage, i] {
      for (int rounds = 0; rounds < 2; ++rounds) {
        sleep_or_yield(stage);
        const auto count = static_cast<unsigned>(1 + stage.pick(3));
        stage.require(stage.runtime().set_processors(count).has_value(), "a change has failed");
        if (i == 1) stage.require(blocking([] { return 7; }) == 7, "a call has lost its value");
      }
    });
  }
}

}  // namespace c1m::runtime::model
