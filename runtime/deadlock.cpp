// Facts for circles, and the text; see deadlock.hpp.
#include "runtime/deadlock.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

#include "runtime/call_names.hpp"
#include "runtime/scheduler.hpp"
#include "runtime/wait_graph.hpp"

namespace c1m::runtime {
namespace {

// What else than one coroutine could end a wait.
const char* who_ends(WaitReason reason) {
  switch (reason) {
    case WaitReason::mutex:
    case WaitReason::read_lock:
      return "its holder, which is no coroutine of this runtime that could be told";
    case WaitReason::write_lock:
      return "those that hold it shared";
    case WaitReason::channel_send:
      return "whoever receives from it or closes it: nobody does";
    case WaitReason::channel_receive:
      return "whoever sends to it or closes it: nobody does";
    case WaitReason::select:
      return "the other side of any of its channels";
    case WaitReason::condition:
      return "whoever notifies it: nobody does";
    case WaitReason::semaphore:
      return "whoever releases units";
    case WaitReason::wait_group:
      return "whoever calls done()";
    case WaitReason::task_group:
      return "the tasks of its group";
    case WaitReason::join:
      return "the end of its task";
    case WaitReason::ring:
      return "the other side of the ring";
    default:
      return "another coroutine";
  }
}

std::string wait_text(const CoroutineFacts& facts) {
  std::string text = name_of(facts.wait.reason);
  if (facts.awaited == nullptr) return text;
  std::array<char, 32> address;
  std::snprintf(address.data(), address.size(), " %p", facts.awaited);
  return text + address.data();
}

std::string lines_of(const CoroutineFacts& facts, const std::string& parked_at) {
  std::string text =
      "  coroutine " + std::to_string(facts.id) + " [" + wait_text(facts) + "] waits for ";
  text += facts.waits_for != 0 ? "coroutine " + std::to_string(facts.waits_for)
                               : std::string(who_ends(facts.wait.reason));
  text += "\n    spawned at " + to_text(facts.spawned_at) + "\n";
  if (!parked_at.empty()) text += "    parked at " + parked_at + "\n";
  return text;
}

}  // namespace

std::string to_text(const Deadlock& deadlock) {
  constexpr std::size_t shown_max = 64;
  const std::string count = std::to_string(deadlock.coroutines.size());
  std::string text = "all coroutines are asleep - deadlock, unless another thread helps: " + count +
                     " wait, and there is no timer, no wait for the kernel, no blocking call\n";
  if (deadlock.kind == DeadlockKind::circle) {
    text = deadlock.coroutines.size() == 1
               ? "deadlock: a coroutine waits for itself\n"
               : "deadlock: " + count + " coroutines wait for each other in a circle\n";
  }
  const std::vector<std::string> places = places_of(deadlock.call_chains);
  for (std::size_t i = 0; i < std::min(shown_max, deadlock.coroutines.size()); ++i) {
    const CoroutineFacts& facts = deadlock.coroutines[i];
    text += lines_of(facts, places[facts.parked_at]);
  }
  if (deadlock.coroutines.size() > shown_max) text += "  ...\n";
  return text;
}

std::vector<Deadlock> find_circles(Scheduler& scheduler) {
  std::vector<Deadlock> found;
  const auto circles = WaitGraph(scheduler).circles();
  if (circles.empty()) return found;
  // Circles stay, so the dump shows their members as the graph has seen them.
  const RuntimeDump dump = take_dump(scheduler);
  found.reserve(circles.size());
  for (const auto& circle : circles) {
    Deadlock deadlock{.kind = DeadlockKind::circle, .call_chains = dump.call_chains};
    deadlock.coroutines.reserve(circle.size());
    for (std::size_t i = 0; i < circle.size(); ++i) {
      const auto member =
          std::ranges::lower_bound(dump.coroutines, circle[i], {}, &CoroutineFacts::id);
      if (member == dump.coroutines.end() || member->id != circle[i]) continue;
      deadlock.coroutines.push_back(*member);
      deadlock.coroutines.back().waits_for = circle[(i + 1) % circle.size()];
    }
    found.push_back(std::move(deadlock));
  }
  return found;
}

Deadlock all_asleep(Scheduler& scheduler) {
  RuntimeDump dump = take_dump(scheduler);
  return {.kind = DeadlockKind::all_asleep,
          .coroutines = std::move(dump.coroutines),
          .call_chains = std::move(dump.call_chains)};
}

}  // namespace c1m::runtime
