// One run of the whole scheduler on the model machine: a scenario's first coroutine, what must hold
// while it runs and after it, and the search for a seed under which it does not.
// Threads: the test's. Not here: the scenarios (scheduler_model_test.cpp and its neighbours).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "runtime/atomic.hpp"
#include "runtime/model/model_machine.hpp"
#include "runtime/model/model_network.hpp"
#include "runtime/runtime.hpp"
#include "runtime/spawn.hpp"
#include "runtime/stack_policy.hpp"

namespace c1m::runtime::model {

// What a scenario's coroutines share.
class Stage {
 public:
  Stage(Machine& machine, Runtime& runtime) : machine_(machine), runtime_(runtime) {}
  [[nodiscard]] Machine& machine() { return machine_; }
  [[nodiscard]] Runtime& runtime() { return runtime_; }

  // The first thing that does not hold is the run's failure.
  void require(bool holds, const char* what) {
    if (!holds && failure_.empty()) failure_ = what;
  }
  [[nodiscard]] const std::string& failure() const { return failure_; }
  // Whatever begins must have ended when the runtime's run() returns.
  void begin() { ++begun_; }
  void end() { ++ended_; }
  [[nodiscard]] bool all_ended() const { return begun_ == ended_; }

  // What coroutines share, there until after the run. A shared_ptr's count is none of the machine's
  // atomics, so the last to let go of one would not be ordered after the others.
  template <class T, class... Arguments>
  [[nodiscard]] T& make(Arguments&&... arguments) {
    auto made = std::make_shared<T>(std::forward<Arguments>(arguments)...);
    kept_.push_back(made);
    return *made;
  }

  // What must hold when the run is over.
  void after(std::function<void()> check) { checks_.push_back(std::move(check)); }
  void check() {
    for (const auto& check : checks_) check();
  }

  // One such thing for the first coroutine and for the thread beside the run, whoever comes first.
  template <class T>
  [[nodiscard]] T& shared() {
    machine_.system_call();  // who comes second sees what the first has made
    if (shared_ == nullptr) shared_ = std::make_shared<T>();
    return *static_cast<T*>(shared_.get());
  }

  // A wait that is handed from one coroutine to another: the bits of its token.
  [[nodiscard]] Atomic<std::uint64_t>& token() { return token_; }

  // A number below `end`, by the seed.
  [[nodiscard]] int pick(int end) {
    return static_cast<int>(machine_.random() % static_cast<std::uint64_t>(end));
  }

 private:
  Machine& machine_;
  Runtime& runtime_;
  std::string failure_;
  std::vector<std::shared_ptr<void>> kept_;
  std::shared_ptr<void> shared_;
  std::vector<std::function<void()>> checks_;
  Atomic<std::uint64_t> token_ = 0;
  int begun_ = 0;
  int ended_ = 0;
};

inline constexpr StackPolicy dedicated = StackPolicy::dedicated;
inline constexpr StackPolicy compact = StackPolicy::compact;

// Spawns a coroutine that must have ended when the run is over.
template <class Body>
void start(Stage& stage, StackPolicy stack, Body body) {
  stage.begin();
  const auto spawned = spawn(
      [&stage, body = std::move(body)] mutable {
        body();
        stage.end();
      },
      {.stack = stack});
  stage.require(spawned.has_value(), "a spawn has failed");
}

struct Scenario {
  const char* name;
  unsigned processors;
  void (*main)(Stage& stage);              // the first coroutine
  void (*beside)(Stage& stage) = nullptr;  // a thread that is no worker, if there is one
  Network::Faults faults{};
  bool monitor = false;  // off, it cannot rescue from a lost wake-up
  Safeguard left_out = Safeguard::monitor;
  std::size_t coroutines_max = 64;
  Memory memory = Memory::x86;
  // The runtime is destroyed when run() has returned, and not after the end of the thread beside,
  // which must be about to end then and touch it in its last call alone.
  bool is_destroyed_at_once = false;
  // NOLINTNEXTLINE(readability-identifier-naming): the name that GoogleTest looks for
  friend void PrintTo(const Scenario& scenario, std::ostream* out) { *out << scenario.name; }
};

// Empty when everything has held, otherwise what has not.
[[nodiscard]] std::string run_scenario(const Scenario& scenario, std::uint64_t seed);

// What fails first among `seeds` seeds, with the command that replays it; empty when nothing does.
// C1M_MODEL_SEED replays a single one.
[[nodiscard]] std::string first_failure(const Scenario& scenario, std::uint64_t seeds);

}  // namespace c1m::runtime::model
