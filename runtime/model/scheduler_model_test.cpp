// The whole runtime under thousands of schedules by chance, on the machine of virtual threads: its
// scheduler, workers, timers and netpoller as production compiles them, but for the platform.
// A run in which everyone waits and no deadline is to come is a lost wake-up, and fails.
#include <array>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "runtime/model/scheduler_scenario.hpp"
#include "runtime/spawn.hpp"
#include "runtime/wait.hpp"
#include "runtime/yield.hpp"

namespace c1m::runtime::model {
namespace {

constexpr std::uint64_t seeds = 2000;

// --- trees of spawns, yields and parks -----------------------------------------------------------

// Every coroutine yields some times and spawns some children, as chance wants.
void grow(Stage& stage, int depth) {
  stage.begin();
  const int children = depth == 0 ? 0 : 1 + stage.pick(3);
  for (int i = 0; i < children; ++i) {
    const auto spawned = spawn([&stage, depth] { grow(stage, depth - 1); });
    stage.require(spawned.has_value(), "a spawn has failed");
    if (stage.pick(3) == 0) yield();
  }
  for (int i = stage.pick(3); i > 0; --i) yield();
  stage.end();
}

void spawn_tree(Stage& stage) {
  grow(stage, 3);
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

void ping_pong(Stage& stage) {
  for (int pair = 0; pair < 2; ++pair) {
    auto game = std::make_shared<PingPong>(stage);
    for (const int side : {0, 1}) {
      stage.require(spawn([game, side] { game->play(side); }).has_value(), "a spawn has failed");
    }
  }
}

// --- compact coroutines, more than there are slots -----------------------------------------------

// Those of one slot wake each other, and yield in between.
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

const std::array scenarios{
    Scenario{.name = "SpawnTree2", .processors = 2, .main = spawn_tree},
    Scenario{.name = "SpawnTree3", .processors = 3, .main = spawn_tree},
    Scenario{.name = "PingPong2", .processors = 2, .main = ping_pong},
    Scenario{.name = "PingPong3", .processors = 3, .main = ping_pong},
    Scenario{.name = "SharedSlots2", .processors = 2, .main = share_slots},
    Scenario{.name = "SharedSlots3", .processors = 3, .main = share_slots},
};

class SchedulerModel : public testing::TestWithParam<Scenario> {};

TEST_P(SchedulerModel, HoldsUnderEverySeed) {
  EXPECT_EQ(first_failure(GetParam(), seeds), "");
}

INSTANTIATE_TEST_SUITE_P(Scenarios, SchedulerModel, testing::ValuesIn(scenarios),
                         [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace c1m::runtime::model
