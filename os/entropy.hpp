// Numbers that nobody can foresee, from the kernel's generator.
// Threads: any. Not here: reproducible sequences, which have a seed (loadgen/xoshiro.hpp).
#pragma once

#include <cstdint>

#include "os/result.hpp"

namespace c1m::os {

// 64 bits of getrandom(2).
[[nodiscard]] Result<std::uint64_t> random_bits();

}  // namespace c1m::os
