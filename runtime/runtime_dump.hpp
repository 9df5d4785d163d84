// All coroutines of a runtime at one look: what each does, what it waits for, where and since when,
// and what stands in the queues; as values and as a text for people.
// Invariants: taking one stops nobody and takes no lock that a running coroutine needs. So it is no
// snapshot: each coroutine is shown as it was at some moment of the look, coroutines that begin or
// end meanwhile may be missing, and sums may not add up; of one that runs or ends at that very
// moment the place of its spawn may be that of the record's next coroutine.
// Threads: a value. Not here: finding circles of waiting (deadlock.hpp).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <source_location>
#include <string>
#include <vector>

#include "os/clock.hpp"
#include "runtime/call_chain.hpp"
#include "runtime/wait_reason.hpp"
#include "runtime/wait_state.hpp"

namespace c1m::runtime {

class Scheduler;

struct CoroutineFacts {
  std::uint32_t id = 0;  // from 1; used again for another coroutine after this one's end
  CoroutineState state = CoroutineState::free;
  WaitFacts wait;  // of one that waits, or runs in a blocking call; otherwise empty
  std::source_location spawned_at;
  std::uint32_t parked_at = 0;    // where in RuntimeDump::call_chains
  std::uint32_t waits_for = 0;    // who alone can end its wait; 0: nobody known
  const void* awaited = nullptr;  // see Coroutine::awaited; only to tell one from another
};

struct ProcessorFacts {
  std::uint32_t index = 0;
  std::size_t runnable = 0;  // in its queue and its next slot
  std::size_t timers = 0;
  bool in_blocking_call = false;
};

struct RuntimeDump {
  std::vector<CoroutineFacts> coroutines;  // by id
  std::vector<ProcessorFacts> processors;
  std::size_t global_runnable = 0;
  std::vector<CallChain> call_chains;  // each once; the first is that of those that do not wait

  [[nodiscard]] std::size_t count_of(CoroutineState state) const;
};

// One paragraph for each set of coroutines that wait for the same reason at the same place and were
// spawned at the same place, those that have waited longest first, with their number and some of
// their ids. Names of places are read from the program's debug information, which takes long the
// first time (os/symbolizer.hpp).
[[nodiscard]] std::string to_text(const RuntimeDump& dump);

// "server.cpp:132 in void start(TcpStream)"
[[nodiscard]] std::string to_text(const std::source_location& where);

// For Runtime::dump().
[[nodiscard]] RuntimeDump take_dump(Scheduler& scheduler);

}  // namespace c1m::runtime
