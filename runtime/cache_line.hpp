// How many bytes a cache takes at a time: x86-64, and nearly every arm64. Threads: none.
#pragma once

#include <cstddef>

namespace c1m::runtime {

inline constexpr std::size_t cache_line_bytes = 64;

}  // namespace c1m::runtime
