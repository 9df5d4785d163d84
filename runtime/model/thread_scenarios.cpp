// Scenarios in which coroutines and a plain thread wait for each other with AnyWait, without and
// with deadlines, contexts and wakers of waits that are over.
#include <cerrno>
#include <mutex>
#include <utility>

#include "runtime/any_wait.hpp"
#include "runtime/channel.hpp"
#include "runtime/model/scenarios.hpp"
#include "runtime/yield.hpp"

namespace c1m::runtime::model {
namespace {

// What a wait may end by, beside a post.
struct Sources {
  os::Nanoseconds ends_at_ns = no_deadline;
  const Context& context = background;
};

// Posts that are taken one by one, by one taker at a time.
class Baton {
 public:
  void post() {
    EndedWait ended;
    {
      const std::lock_guard lock(mutex_);
      ended = std::exchange(waiter_, {}).end();
      if (ended) {
        granted_ = true;
      } else {
        ++posts_;
      }
    }
    ended.deliver();
  }

  // False: something else has ended the wait.
  [[nodiscard]] bool take(const Sources& sources) {
    AnyWait wait(WaitReason::none);
    {
      const std::lock_guard lock(mutex_);
      if (posts_ > 0) {
        --posts_;
        wait.cancel();
        return true;
      }
      waiter_ = old_ = wait.waker();
    }
    wait.end_at(sources.ends_at_ns);
    if (wait.end_on(sources.context)) {
      wait.park();
    } else {
      wait.cancel();
    }
    const std::lock_guard lock(mutex_);
    waiter_ = {};
    return std::exchange(granted_, false);
  }

  // Of a wait that is over; empty while one goes on.
  [[nodiscard]] Waker old_waker() {
    const std::lock_guard lock(mutex_);
    return waiter_ ? Waker() : old_;
  }

 private:
  ThreadMutex mutex_;
  // All guarded by mutex_.
  Waker waiter_;
  Waker old_;
  int posts_ = 0;
  bool granted_ = false;
};

constexpr int turns = 4;

struct Match {
  Baton to_thread;
  Baton to_coroutine;
};

// Takes a turn, now and then with a deadline or a context that comes too early.
void take_at_last(Stage& stage, Baton& baton) {
  for (;;) {
    const auto source = stage.pick(2) == 0
                            ? CancelSource()
                            : CancelSource::with_timeout(stage.pick(60) * os::ns_per_us);
    const os::Nanoseconds soon_ns = platform::monotonic_ns() + stage.pick(60) * os::ns_per_us;
    const Sources sources{.ends_at_ns = stage.pick(2) == 0 ? no_deadline : soon_ns,
                          .context = source.context()};
    if (baton.take(sources)) return;
    const bool due = platform::monotonic_ns() >= sources.ends_at_ns;
    stage.require(due || source.context().error() == ETIMEDOUT, "a wait has ended for no reason");
  }
}

}  // namespace

// A coroutine and the thread hand a turn to and fro.
void takes_turns_with_a_thread(Stage& stage) {
  stage.begin();
  auto& match = stage.shared<Match>();
  for (int i = 0; i < turns; ++i) {
    match.to_thread.post();
    stage.require(match.to_coroutine.take({}), "a wait has ended for no reason");
  }
  stage.end();
}

void takes_turns_with_a_coroutine(Stage& stage) {
  auto& match = stage.shared<Match>();
  for (int i = 0; i < turns; ++i) {
    stage.require(match.to_thread.take({}), "a wait has ended for no reason");
    match.to_coroutine.post();
  }
}

// The thread's only call ends the run, and it may still be in it when the runtime goes.
void waits_for_a_thread(Stage& stage) {
  stage.begin();
  stage.token().store(1);
  stage.require(stage.shared<Baton>().take({}), "a wait has ended for no reason");
  stage.end();
}

void sends_a_coroutine_on(Stage& stage) {
  while (stage.token().load() == 0) {
  }
  stage.shared<Baton>().post();
}

// The same with a compact coroutine, whose slot another may hold at that moment. Its wait is for a
// channel, which the thread does not touch after it has ended the wait.
void shares_a_slot_with_who_waits_for_a_thread(Stage& stage) {
  auto& values = stage.shared<Channel<int>>();
  start(stage, compact, [&stage, &values] {
    stage.token().store(1);
    stage.require(values.receive().has_value(), "a value has not come");
  });
  for (int i = 0; i < 3; ++i) {  // some of them in the same slot
    start(stage, compact, [turns = stage.pick(10)] {
      for (int turn = 0; turn < turns; ++turn) yield();
    });
  }
}

void sends_a_value_on(Stage& stage) {
  auto& values = stage.shared<Channel<int>>();
  while (stage.token().load() == 0) {
  }
  stage.require(values.send(1).has_value(), "a value was not taken");
}

// The same with all that may end a wait too early, and with late wakers.
void takes_turns_in_time(Stage& stage) {
  stage.begin();
  auto& match = stage.shared<Match>();
  for (int i = 0; i < turns; ++i) {
    match.to_thread.post();
    take_at_last(stage, match.to_coroutine);
    const Waker old = match.to_thread.old_waker();
    if (stage.pick(2) == 0) yield();
    stage.require(!old.wake(), "a late waker has ended another wait");
  }
  stage.end();
}

void takes_turns_in_time_on_a_thread(Stage& stage) {
  auto& match = stage.shared<Match>();
  for (int i = 0; i < turns; ++i) {
    take_at_last(stage, match.to_thread);
    match.to_coroutine.post();
  }
}

// The thread waits until a coroutine cancels its context.
void cancels_a_thread(Stage& stage) {
  stage.begin();
  for (int i = stage.pick(6); i > 0; --i) yield();
  stage.shared<CancelSource>().cancel();
  stage.end();
}

void waits_to_be_cancelled(Stage& stage) {
  const Context context = stage.shared<CancelSource>().context();
  context.wait();
  stage.require(context.error() == ECANCELED, "a wait has ended for no reason");
}

}  // namespace c1m::runtime::model
