// The one place of a chain of calls that tells people where a coroutine waits: the innermost call
// that is not the runtime's own. Threads: a value.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "runtime/call_chain.hpp"

namespace c1m::runtime {

// For each chain "server.cpp:150 in serve(TcpStream&)", or what is known instead: with an address
// for addr2line when there is no debug information, "unknown: the frames of this compact coroutine
// are frozen", or nothing for one that does not wait.
[[nodiscard]] std::vector<std::string> places_of(std::span<const CallChain> chains);

// Whether a demangled function, perhaps with its return type, belongs to the runtime or to the
// standard library.
[[nodiscard]] bool is_machinery(std::string function);

}  // namespace c1m::runtime
