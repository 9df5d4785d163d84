// For tests of freezing: coroutines whose frames have contents and an address, and the wait until
// they are frozen. Threads: the test's. Not here: the runtime under test (runtime_fixture.hpp).
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <tuple>

#include "runtime/channel.hpp"
#include "runtime/runtime_fixture.hpp"
#include "runtime/spawn.hpp"
#include "runtime/yield.hpp"

namespace c1m::runtime {

inline constexpr SpawnOptions freezable{.stack = StackPolicy::freezable};

// Parks at a depth of its own, with contents of its own and an address that must not change.
template <class Park>
[[gnu::noinline]] bool hold_frames(std::uint32_t number, int depth, const Park& park) {
  std::array<std::uint32_t, 8> values;
  std::uint32_t* volatile self = values.data();
  for (std::uint32_t i = 0; i < values.size(); ++i) values[i] = number * 31 + i;
  bool intact = true;
  if (depth > 0) {
    intact = hold_frames(number + 1, depth - 1, park);  // NOLINT(misc-no-recursion)
  } else {
    park();
  }
  for (std::uint32_t i = 0; i < values.size(); ++i) intact &= values[i] == number * 31 + i;
  return intact && self == values.data();
}

// Coroutines that hold frames, and wait for a number each. Outlives their run.
struct Holders {
  std::atomic<int> intact = 0;  // how many have found their frames as they were
  std::atomic<int> parking = 0;
  Channel<int> numbers;
};

class FreezerTest : public RuntimeTest {
 protected:
  // Returns when so many are parking.
  static void spawn_holders(Holders& holders, int count) {
    for (int i = 0; i < count; ++i) {
      const auto body = [&holders, i] {
        const auto park = [&holders] {
          ++holders.parking;
          std::ignore = holders.numbers.receive();
        };
        if (hold_frames(static_cast<std::uint32_t>(i) * 100, i % 3, park)) ++holders.intact;
      };
      ASSERT_TRUE(spawn(body, freezable));
    }
    while (holders.parking < count) yield();
  }

  // Until so many have parked and been frozen, in whatever number of passes.
  void freeze_until(std::uint64_t count) {
    while (runtime().statistics().stacks_frozen < count) {
      yield();
      std::ignore = runtime().freeze_idle(0);
    }
  }
};

}  // namespace c1m::runtime
