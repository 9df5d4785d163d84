// From an address in the program's code to the function, file and line it was compiled from.
// Invariants: nothing is read before the first question; then the program's debug information is
// read once and stays mapped. Threads: any. The work is done on a thread of its own, because
// reading debug information needs more stack than a coroutine may have. Not here: finding the
// addresses.
#pragma once

#include <span>
#include <string>
#include <vector>

namespace c1m::os {

struct SourcePlace {
  std::string function;  // demangled; empty when nothing is known
  std::string file;      // empty without debug information
  int line = 0;
};

// Of each return address, where the call stands: innermost first, more than one place where calls
// were inlined, none when nothing is known. The first question takes from milliseconds to about a
// second, by the size of the program's debug information.
[[nodiscard]] std::vector<std::vector<SourcePlace>> find_calls(
    std::span<const void* const> return_addresses);

}  // namespace c1m::os
