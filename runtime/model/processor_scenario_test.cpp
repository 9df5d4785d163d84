// The mutex, changes of the number of processors, pins and thread locks on the whole scheduler,
// under schedules by chance: nobody waits for ever, and what each promises holds at every step.
#include <array>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "runtime/affinity.hpp"
#include "runtime/model/scheduler_scenario.hpp"
#include "runtime/mutex.hpp"
#include "runtime/sleep.hpp"
#include "runtime/spawn.hpp"
#include "runtime/thread_state.hpp"
#include "runtime/yield.hpp"

namespace c1m::runtime::model {
namespace {

constexpr std::uint64_t seeds = 500;
constexpr int coroutines = 4;

// Spawns the others of a scenario; `body` gets the number of each.
template <class Body>
void spawn_all(Stage& stage, const Body& body) {
  for (int i = 0; i < coroutines; ++i) {
    const auto spawned = spawn([&stage, body, i] {
      stage.begin();
      body(i);
      stage.end();
    });
    stage.require(spawned.has_value(), "a spawn has failed");
  }
}

void sleep_a_little(Stage& stage) {
  stage.require(sleep_for(stage.pick(50) * os::ns_per_us).has_value(), "a sleep has failed");
}

void contend(Stage& stage) {
  struct Shared {
    Mutex mutex;
    int inside = 0;
  };
  auto& shared = stage.make<Shared>();
  spawn_all(stage, [&stage, &shared](int) {
    for (int round = 0; round < 4; ++round) {
      shared.mutex.lock();
      stage.require(++shared.inside == 1, "two are inside");
      if (stage.pick(3) == 0) yield();
      --shared.inside;
      shared.mutex.unlock();
    }
  });
}

void change_processors(Stage& stage) {
  spawn_all(stage, [&stage](int) {
    for (int round = 0; round < 3; ++round) {
      if (stage.pick(2) == 0) {
        sleep_a_little(stage);
      } else {
        yield();
      }
      const unsigned count = 1 + static_cast<unsigned>(stage.pick(3));
      stage.require(stage.runtime().set_processors(count).has_value(), "a change has failed");
    }
  });
}

void change_beside(Stage& stage) {
  for (int round = 0; round < 4; ++round) {
    const unsigned count = 1 + static_cast<unsigned>(stage.pick(3));
    stage.require(stage.runtime().set_processors(count).has_value(), "a change has failed");
  }
}

void pin(Stage& stage) {
  spawn_all(stage, [&stage](int number) {
    const ProcessorPin kept;
    for (int round = 0; round < 3; ++round) {
      if (stage.pick(2) == 0) {
        sleep_a_little(stage);
      } else {
        yield();
      }
      stage.require(current_processor() == kept.processor(), "it is not where it is pinned");
    }
    if (number == 0) change_beside(stage);
  });
}

void lock_threads(Stage& stage) {
  spawn_all(stage, [&stage](int number) {
    if (number % 2 != 0) {
      for (int round = 0; round < 3; ++round) yield();
      return;
    }
    const auto lock = ThreadLock::acquire();
    stage.require(lock.has_value(), "a thread lock has failed");
    const Worker* mine = current_worker();
    for (int round = 0; round < 3; ++round) {
      if (stage.pick(2) == 0) {
        sleep_a_little(stage);
      } else {
        yield();
      }
      stage.require(current_worker() == mine, "it is not on its thread");
    }
  });
}

const std::array scenarios{
    Scenario{.name = "Mutex1", .processors = 1, .main = contend},
    Scenario{.name = "Mutex2", .processors = 2, .main = contend},
    Scenario{.name = "ProcessorChange1", .processors = 1, .main = change_processors},
    Scenario{.name = "ProcessorChange3", .processors = 3, .main = change_processors},
    Scenario{.name = "ProcessorChangeBeside2",
             .processors = 2,
             .main = change_processors,
             .beside = change_beside},
    Scenario{.name = "Pin2", .processors = 2, .main = pin},
    Scenario{.name = "ThreadLock1", .processors = 1, .main = lock_threads},
    Scenario{.name = "ThreadLock2", .processors = 2, .main = lock_threads},
};

class ProcessorModel : public testing::TestWithParam<Scenario> {};

TEST_P(ProcessorModel, HoldsUnderEverySeed) {
  EXPECT_EQ(first_failure(GetParam(), seeds), "");
}

TEST_P(ProcessorModel, HoldsWithWeakMemory) {
  Scenario scenario = GetParam();
  scenario.memory = Memory::weak;
  EXPECT_EQ(first_failure(scenario, seeds), "");
}

INSTANTIATE_TEST_SUITE_P(Scenarios, ProcessorModel, testing::ValuesIn(scenarios),
                         [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace c1m::runtime::model
