// What a test expects of a check on the model machine: that it holds under every schedule, or that
// a mutant is found out under one. Threads: the test's.
#pragma once

#include <cstdlib>

#include <gtest/gtest.h>

#include "runtime/model/model_machine.hpp"
#include "runtime/model/seed_search.hpp"

namespace c1m::runtime::model {

inline void expect_holds(const Check& check) {
  for (const Memory memory : {Memory::x86, Memory::weak}) {
    const std::uint64_t seed = first_failing_seed(check, memory, Defect::none);
    EXPECT_EQ(seed, no_seed) << "replay with C1M_MODEL_SEED=" << seed
                             << (memory == Memory::weak ? " (weak memory)" : "");
  }
}

// In a process of its own, because an assertion that fails has found it out as well.
inline void expect_found_out(const Check& check, Defect defect = Defect::none,
                             Memory memory = Memory::x86) {
  const auto found_out = [](int status) { return status != 0; };
  EXPECT_EXIT(std::_Exit(first_failing_seed(check, memory, defect) == no_seed ? 0 : 1), found_out,
              "")
      << "no schedule shows the defect";
}

}  // namespace c1m::runtime::model
