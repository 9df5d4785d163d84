// Running scenarios, and the report of one that fails or aborts; see scheduler_scenario.hpp.
#include "runtime/model/scheduler_scenario.hpp"

#include <array>
#include <csignal>
#include <cstdio>
#include <memory>

#include "os/result.hpp"
#include "runtime/model/seed_search.hpp"

namespace c1m::runtime::model {
namespace {

// What runs now, for the handler of an assertion's abort.
std::array<char, 256> replay_command{};

void say_how_to_replay(int) {
  std::fputs(replay_command.data(), stderr);
  std::signal(SIGABRT, SIG_DFL);
}

void remember(const Scenario& scenario, std::uint64_t seed) {
  std::snprintf(replay_command.data(), replay_command.size(),
                "replay: C1M_MODEL_SEED=%llu runtime_scheduler_model_test --gtest_filter='*%s*'\n",
                static_cast<unsigned long long>(seed), scenario.name);
  std::signal(SIGABRT, say_how_to_replay);
}

void require_nothing_left(Stage& stage) {
  const RuntimeStatistics left = stage.runtime().statistics();
  stage.require(stage.all_ended(), "run() has returned before a coroutine has ended");
  stage.require(left.coroutines_live == 0, "a coroutine is left");
  stage.require(left.coroutines_runnable == 0, "a coroutine is left in a queue");
  stage.require(left.timers_armed == 0, "a timer is left");
  stage.require(left.descriptors_open == 0, "a descriptor is left");
  stage.require(left.processors_idle <= left.processors, "more processors are idle than exist");
}

// On the machine's first thread, so that the runtime is made and destroyed there.
void run_on_machine(const Scenario& scenario, Machine& machine, std::string& failure) {
  auto runtime = Runtime::create({.processors = scenario.processors,
                                  .stack_bytes = 64 * 1024,
                                  .compact_slots = 2,
                                  .coroutines_max = scenario.coroutines_max,
                                  .descriptors_max = 16,
                                  .report_stack_overflow = false});
  if (!runtime) {
    failure = os::describe(runtime.error());
    return;
  }
  Stage stage(machine, **runtime);
  std::size_t beside = 0;
  if (scenario.beside != nullptr) {
    beside = machine.start([&] { scenario.beside(stage); });
  }
  auto ran = (*runtime)->run([&] { scenario.main(stage); });
  // The first coroutine, too, may find no memory.
  while (!ran && scenario.faults.no_stack != 0) {
    ran = (*runtime)->run([&] { scenario.main(stage); });
  }
  stage.require(ran.has_value(), "run() has failed");
  const auto check = [&stage] {
    require_nothing_left(stage);
    stage.check();
  };
  if (scenario.is_destroyed_at_once) {
    check();
    runtime->reset();
  }
  if (scenario.beside != nullptr) machine.join(beside);
  if (!scenario.is_destroyed_at_once) check();
  failure = stage.failure();
  machine.system_call();
}

}  // namespace

std::string run_scenario(const Scenario& scenario, std::uint64_t seed) {
  remember(scenario, seed);
  Machine machine(seed, scenario.memory);
  if (!scenario.monitor) machine.leave_out(Safeguard::monitor);
  if (scenario.left_out != Safeguard::monitor) machine.leave_out(scenario.left_out);
  Network network(scenario.faults);
  std::string failure;
  if (!machine.run({[&] { run_on_machine(scenario, machine, failure); }})) {
    return machine.failure();
  }
  return failure;
}

std::string first_failure(const Scenario& scenario, std::uint64_t seeds) {
  const SeedRange range = seeds_to_run(seeds);
  for (std::uint64_t seed = range.first; seed < range.end; ++seed) {
    const std::string failure = run_scenario(scenario, seed);
    if (!failure.empty()) return failure + "; " + replay_command.data();
  }
  return {};
}

}  // namespace c1m::runtime::model
