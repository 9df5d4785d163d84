// Scenarios of contexts: trees that are cancelled from above while coroutines wait below.
#include <algorithm>
#include <cerrno>

#include "runtime/cancellation.hpp"
#include "runtime/model/scenarios.hpp"
#include "runtime/sleep.hpp"
#include "runtime/spawn.hpp"
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

}  // namespace c1m::runtime::model
