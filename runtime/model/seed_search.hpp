// The search for a schedule under which a check of the model machine fails, and the replay of one:
// with C1M_MODEL_SEED=n only seed n runs. Threads: the test's. Not here: the machine
// (model_machine.hpp); what a test expects of the search (model_fixture.hpp).
#pragma once

#include <cstdint>
#include <cstdlib>
#include <functional>

#include "runtime/model/model_machine.hpp"

namespace c1m::runtime::model {

struct SeedRange {
  std::uint64_t first;
  std::uint64_t end;
};

// The first `count` seeds, or the one to be replayed.
inline SeedRange seeds_to_run(std::uint64_t count) {
  const char* replay = std::getenv("C1M_MODEL_SEED");
  if (replay == nullptr) return {.first = 0, .end = count};
  const std::uint64_t seed = std::strtoull(replay, nullptr, 10);
  return {.first = seed, .end = seed + 1};
}

inline constexpr std::uint64_t seeds_a_check = 3000;
inline constexpr std::uint64_t no_seed = UINT64_MAX;

// Runs one schedule; says whether everything that must hold has held.
using Check = std::function<bool(Machine&)>;

// no_seed when every schedule holds.
inline std::uint64_t first_failing_seed(const Check& check, Memory memory, Defect defect) {
  const SeedRange range = seeds_to_run(seeds_a_check);
  for (std::uint64_t seed = range.first; seed < range.end; ++seed) {
    Machine machine(seed, memory, defect);
    if (!check(machine)) return seed;
  }
  return no_seed;
}

}  // namespace c1m::runtime::model
