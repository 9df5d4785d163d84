// Coroutines that wait for each other: what is reported of them, and what the runtime does when it
// finds some. Two kinds differ in what can be known:
//   circle      each waits for a lock that the next holds, or for the next one's end. Nobody else
//               can end such a wait, so the circle lasts, whatever other threads do.
//   all asleep  every coroutine waits for something that a coroutine has to do (a channel, a
//               semaphore, a wait group, a lock, ...), and there is no timer, no wait for the
//               kernel and no blocking call. It lasts unless a plain thread, or another runtime,
//               ends one of the waits: the runtime cannot know whether one will.
// Threads: values. Not here: finding them (wait_graph.hpp), when it looks (deadlock_watch.hpp).
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "runtime/runtime_dump.hpp"

namespace c1m::runtime {

enum class DeadlockKind : std::uint8_t { circle, all_asleep };

struct Deadlock {
  DeadlockKind kind = DeadlockKind::circle;
  // Of a circle: each waits for the next, and the last for the first. Otherwise all, by id.
  std::vector<CoroutineFacts> coroutines{};
  std::vector<CallChain> call_chains{};  // as in RuntimeDump
};

// Who waits for whom and for what, where each was spawned and where it is parked. Of many that are
// asleep the first 64.
[[nodiscard]] std::string to_text(const Deadlock& deadlock);

enum class DeadlockAction : std::uint8_t {
  ignore,  // the runtime does not look
  report,  // once for each; the coroutines go on waiting
  abort,   // reports and ends the process, as Go does
};

struct DeadlockPolicy {
  DeadlockAction on_circle = DeadlockAction::report;
  // Only for programs in which no plain thread and no other runtime sends, unlocks, releases or
  // cancels for the coroutines of this one: in others, to be all asleep is to be idle.
  DeadlockAction on_all_asleep = DeadlockAction::ignore;
  // Gets what is to be reported, instead of standard error. It runs on a worker, outside of any
  // coroutine, when all others sleep: it may end waits (close a channel, cancel a context, call
  // Runtime::stop()) but not wait itself.
  std::function<void(const Deadlock&)> handler{};
};

class Scheduler;

// For Runtime::deadlocks(): the circles there are.
[[nodiscard]] std::vector<Deadlock> find_circles(Scheduler& scheduler);
// All coroutines there are, if each waits for another's doing; see all_wait_for_coroutines().
[[nodiscard]] Deadlock all_asleep(Scheduler& scheduler);

}  // namespace c1m::runtime
