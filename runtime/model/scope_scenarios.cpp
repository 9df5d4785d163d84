// Scenarios of scopes: contexts in trees that are cancelled from above while coroutines wait below,
// groups whose tasks fail, and joins that are left early.
#include <algorithm>
#include <cerrno>

#include "runtime/cancellation.hpp"
#include "runtime/join_handle.hpp"
#include "runtime/model/scenarios.hpp"
#include "runtime/sleep.hpp"
#include "runtime/spawn.hpp"
#include "runtime/task_group.hpp"
#include "runtime/timer_heap.hpp"
#include "runtime/yield.hpp"

namespace c1m::runtime::model {
namespace {

void spawn_or_fail(Stage& stage, std::move_only_function<void()> function) {
  stage.require(spawn(std::move(function)).has_value(), "a spawn has failed");
}

// Children and grandchildren, each with a context of its own below the parent's; all wait until the
// root is cancelled.
void wait_with_children(Stage& stage, const Context& context, int generations) {
  stage.begin();
  for (int i = 0; generations > 1 && i < 2; ++i) {
    spawn_or_fail(stage, [&stage, context, generations] {
      const CancelSource child(context);
      wait_with_children(stage, child.context(), generations - 1);
    });
    if (stage.pick(3) == 0) yield();
  }
  context.wait();
  stage.require(context.error() == ECANCELED, "a wait has ended before its context was cancelled");
  stage.end();
}

}  // namespace

void cancels_three_generations(Stage& stage) {
  const CancelSource root;
  spawn_or_fail(stage,
                [&stage, context = root.context()] { wait_with_children(stage, context, 3); });
  for (int i = stage.pick(20); i > 0; --i) yield();
  root.cancel();
  stage.require(root.context().is_cancelled(), "a cancel has no effect");
}

// Several wait for the deadline of one context, one of them below it, and one sleeps beside it for
// less or more.
void waits_for_deadlines_of_contexts(Stage& stage) {
  const auto source = CancelSource::with_timeout(stage.pick(200) * os::ns_per_us);
  const Context& context = source.context();
  for (int i = 0; i < 3; ++i) {
    spawn_or_fail(stage, [&stage, context] {
      stage.begin();
      const CancelSource below(context);
      below.context().wait();
      stage.require(below.context().error() == ETIMEDOUT, "a deadline is not seen");
      stage.require(now_ns() >= context.deadline_ns(), "a deadline has come early");
      stage.end();
    });
  }
  const os::Nanoseconds until_ns = now_ns() + stage.pick(400) * os::ns_per_us;
  const auto slept = sleep_until(until_ns, context);
  stage.require(slept || slept.error().code == ETIMEDOUT, "a sleep has failed");
  stage.require(now_ns() >= std::min(until_ns, context.deadline_ns()), "a sleep has ended early");
}

// Tasks on either kind of stack, of which one may fail; the others wait without end and must be
// cancelled then. Groups below groups.
os::Result<void> opens_a_group(Stage& stage, const Context& context, int generations) {
  stage.begin();
  TaskGroup group(context);
  const bool fails = stage.pick(2) == 0;
  for (int i = 0; i < 3; ++i) {
    const StackPolicy stack = i == 0 ? StackPolicy::compact : StackPolicy::dedicated;
    const auto spawned = group.spawn(
        [&stage, fails, generations, i](const Context& mine) -> os::Result<void> {
          if (stage.pick(3) == 0) yield();
          if (i == 2 && fails) return os::fail(EPIPE, "task");
          if (i == 1 && generations > 1) return opens_a_group(stage, mine, generations - 1);
          if (fails) return sleep_for(TimerHeap::never, mine);
          return {};
        },
        {.stack = stack});
    stage.require(spawned.has_value(), "a spawn has failed");
  }
  const auto joined = group.join();
  if (fails) stage.require(!joined && joined.error().code == EPIPE, "a failure is not passed on");
  stage.end();
  return joined;
}

void opens_groups(Stage& stage) {
  const bool inner = stage.pick(2) == 0;
  const auto joined = opens_a_group(stage, background, inner ? 2 : 1);
  stage.require(joined || joined.error().code == EPIPE, "a group has failed for no reason");
}

// Handles that are joined at once, late, or after a wait that was left; some are dropped.
void joins_handles(Stage& stage) {
  for (int i = 0; i < 4; ++i) {
    const StackPolicy stack = i % 2 == 0 ? StackPolicy::dedicated : StackPolicy::compact;
    auto handle = spawn_joinable(
        [&stage, i] {
          stage.begin();
          if (stage.pick(2) == 0) {
            stage.require(sleep_for(stage.pick(20) * os::ns_per_us).has_value(), "a sleep failed");
          }
          stage.end();
          return i;
        },
        {.stack = stack});
    stage.require(handle.has_value(), "a spawn has failed");
    if (stage.pick(4) == 0) continue;
    if (stage.pick(2) == 0) {
      const auto limit = CancelSource::with_timeout(stage.pick(20) * os::ns_per_us);
      const auto waited = handle->wait(limit.context());
      stage.require(waited || waited.error().code == ETIMEDOUT, "a wait has ended for no reason");
    }
    stage.require(handle->join() == i, "a join has another's value");
  }
}

}  // namespace c1m::runtime::model
