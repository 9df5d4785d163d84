// Reading memory of this process that may be unmapped at that moment: for who looks at what others
// may give back meanwhile. Threads: any. Not here: what makes of the bytes a value (the caller
// looks whether they were what it took them for).
#pragma once

#include <cstddef>
#include <span>

namespace c1m::os {

// Fills `into` from `address`. False, with `into` in any state, when not all of it is readable; a
// fault is not raised. A system call of some 300 ns.
[[nodiscard]] bool read_own_memory(const void* address, std::span<std::byte> into);

}  // namespace c1m::os
