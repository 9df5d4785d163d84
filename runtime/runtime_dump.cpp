// Looking at every record, and grouping what was seen; see runtime_dump.hpp.
#include "runtime/runtime_dump.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <optional>
#include <span>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "runtime/call_names.hpp"
#include "runtime/racy_read.hpp"
#include "runtime/scheduler.hpp"
#include "runtime/wait_graph.hpp"

namespace c1m::runtime {
namespace {

// Gives each chain a number. Few differ, so few are kept.
class ChainTable {
 public:
  ChainTable() { std::ignore = number_of({}); }

  std::uint32_t number_of(const CallChain& chain) {
    const auto next = static_cast<std::uint32_t>(chains_.size());
    const auto [place, is_new] = numbers_.try_emplace(chain, next);
    if (is_new) chains_.push_back(chain);
    return place->second;
  }
  [[nodiscard]] std::vector<CallChain> take() { return std::move(chains_); }

 private:
  struct Hash {
    std::size_t operator()(const CallChain& chain) const {
      auto hash = static_cast<std::size_t>(chain.kind);
      for (const void* const address : chain.calls()) {
        // Fowler, Noll and Vo's, a word at a time.
        hash = (hash ^ reinterpret_cast<std::uintptr_t>(address)) * 0x100'0000'01b3;
      }
      return hash;
    }
  };

  std::unordered_map<CallChain, std::uint32_t, Hash> numbers_;
  std::vector<CallChain> chains_;
};

// Nothing for a record that nobody uses. `chain` is where it is parked.
std::optional<CoroutineFacts> look_at(const Coroutine& coroutine, const StackPool& stacks,
                                      os::Nanoseconds now_ns, CallChain& chain) {
  // A note belongs to a wait if the wait went on before and after it was read: its number, in the
  // same word, is never used again. One who always changes is shown as it was the last time.
  constexpr int looks_max = 3;
  CoroutineFacts facts;
  for (int look = 0; look < looks_max; ++look) {
    const std::uint64_t before = coroutine.wait.snapshot();
    facts = {.id = coroutine.index,
             .state = WaitState::state_of(before),
             .wait = coroutine.note.read(now_ns),
             .spawned_at = coroutine.where.load(std::memory_order_relaxed),
             .awaited = racy_read(&coroutine.awaited)};
    const bool parked = facts.state == CoroutineState::waiting;
    chain = parked ? capture_calls(coroutine, stacks) : CallChain();
    if (coroutine.wait.snapshot() == before) break;
    chain = {};
    facts.awaited = nullptr;
  }
  if (facts.state == CoroutineState::free) return std::nullopt;
  const bool waits = facts.state == CoroutineState::waiting;
  const bool blocks = blocks_a_thread(facts.wait.reason);
  if (!waits && !blocks) facts.wait = {};
  if (!waits || !has_object(facts.wait.reason)) facts.awaited = nullptr;
  return facts;
}

ProcessorFacts look_at(const Processor& processor) {
  const bool next = processor.next.load(std::memory_order_relaxed) != nullptr;
  return {.index = processor.index,
          .runnable = processor.queue.size() + (next ? 1 : 0),
          .timers = processor.timers.size(),
          .in_blocking_call = processor.blocking_hold.call() != 0};
}

const char* name_of(CoroutineState state) {
  switch (state) {
    case CoroutineState::runnable:
      return "runnable";
    case CoroutineState::running:
    case CoroutineState::notified:
      return "running";
    case CoroutineState::waiting:
      return "waiting";
    case CoroutineState::free:
      break;
  }
  return "free";
}

// "read", or what it does when it waits for nothing.
std::string activity_of(const CoroutineFacts& facts) {
  return facts.wait.reason == WaitReason::none && facts.state != CoroutineState::waiting
             ? name_of(facts.state)
             : name_of(facts.wait.reason);
}

std::string hexadecimal(const void* address) {
  std::array<char, 32> text;
  std::snprintf(text.data(), text.size(), "%p", address);
  return text.data();
}

struct Group {
  std::vector<const CoroutineFacts*> members;
  os::Nanoseconds longest_ns = 0;
};

std::string duration_text(os::Nanoseconds duration_ns) {
  const os::Nanoseconds seconds = duration_ns / os::ns_per_s;
  const auto text = [](os::Nanoseconds count, const char* unit) {
    return std::to_string(count) + unit;
  };
  if (seconds >= 3600) return text(seconds / 3600, " h ") + text(seconds / 60 % 60, " min");
  if (seconds >= 60) return text(seconds / 60, " min ") + text(seconds % 60, " s");
  if (seconds >= 1) return text(seconds, " s");
  return text(duration_ns / os::ns_per_ms, " ms");
}

std::string lines_of(const std::string& activity, const std::string& parked_at,
                     const Group& group) {
  constexpr std::size_t ids_max = 8;
  const CoroutineFacts& first = *group.members.front();
  std::string text = std::to_string(group.members.size()) + " [" + activity;
  if (first.wait.reason != WaitReason::none) text += ", " + duration_text(group.longest_ns);
  text += "] spawned at " + to_text(first.spawned_at) + "\n";
  if (!parked_at.empty()) text += "    parked at " + parked_at + "\n";
  text += "   ";
  for (const CoroutineFacts* facts :
       std::span(group.members).first(std::min(ids_max, group.members.size()))) {
    text += " " + std::to_string(facts->id);
    if (facts->wait.object != 0) text += "(" + std::to_string(facts->wait.object) + ")";
    if (facts->awaited != nullptr) text += "(" + hexadecimal(facts->awaited) + ")";
    if (facts->waits_for != 0) text += "->" + std::to_string(facts->waits_for);
  }
  if (group.members.size() > ids_max) text += " ...";
  return text + "\n";
}

std::string header_of(const RuntimeDump& dump) {
  const std::size_t running =
      dump.count_of(CoroutineState::running) + dump.count_of(CoroutineState::notified);
  std::string text = std::to_string(dump.coroutines.size()) +
                     " coroutines: " + std::to_string(running) + " running, " +
                     std::to_string(dump.count_of(CoroutineState::runnable)) + " runnable, " +
                     std::to_string(dump.count_of(CoroutineState::waiting)) + " waiting\n";
  for (const ProcessorFacts& processor : dump.processors) {
    text += "processor " + std::to_string(processor.index) + ": " +
            std::to_string(processor.runnable) + " runnable, " + std::to_string(processor.timers) +
            " timers" + (processor.in_blocking_call ? ", in a blocking call" : "") + "\n";
  }
  return text + "global queue: " + std::to_string(dump.global_runnable) + " runnable\n";
}

}  // namespace

std::size_t RuntimeDump::count_of(CoroutineState state) const {
  return static_cast<std::size_t>(std::ranges::count(coroutines, state, &CoroutineFacts::state));
}

std::string to_text(const std::source_location& where) {
  return std::string(where.file_name()) + ":" + std::to_string(where.line()) + " in " +
         where.function_name();
}

RuntimeDump take_dump(Scheduler& scheduler) {
  RuntimeDump dump;
  const os::Nanoseconds now_ns = scheduler.now_ns();
  CoroutineTable& table = scheduler.coroutine_table();
  const std::uint32_t created = table.created();
  ChainTable chains;
  bool some_wait_for_one = false;
  for (std::uint32_t index = 1; index <= created; ++index) {
    CallChain chain;
    auto facts = look_at(table.at(index), scheduler.stacks(), now_ns, chain);
    if (!facts) continue;
    facts->parked_at = chains.number_of(chain);
    if (one_alone_ends(facts->wait.reason)) some_wait_for_one = true;
    dump.coroutines.push_back(*facts);
  }
  dump.call_chains = chains.take();
  if (some_wait_for_one) {
    const WaitGraph graph(scheduler);
    for (CoroutineFacts& facts : dump.coroutines) facts.waits_for = graph.holder_of(facts.id);
  }
  for (const auto& processor : scheduler.processors()) {
    dump.processors.push_back(look_at(*processor));
  }
  dump.global_runnable = scheduler.global_queue().size();
  return dump;
}

std::string to_text(const RuntimeDump& dump) {
  // What is done, where spawned (two), where parked.
  using Key = std::tuple<std::string, std::string, unsigned, std::string>;
  std::map<Key, Group> groups;
  const std::vector<std::string> places = places_of(dump.call_chains);
  for (const CoroutineFacts& facts : dump.coroutines) {
    Group& group = groups[{activity_of(facts), facts.spawned_at.file_name(),
                           facts.spawned_at.line(), places[facts.parked_at]}];
    group.members.push_back(&facts);
    group.longest_ns = std::max(group.longest_ns, facts.wait.waited_ns);
  }
  std::vector<std::pair<Key, Group>> sorted(groups.begin(), groups.end());
  std::ranges::sort(sorted, [](const auto& left, const auto& right) {
    return std::pair(-left.second.longest_ns, left.first) <
           std::pair(-right.second.longest_ns, right.first);
  });
  std::string text = header_of(dump);
  for (const auto& [key, group] : sorted) {
    text += lines_of(std::get<0>(key), std::get<3>(key), group);
  }
  return text;
}

}  // namespace c1m::runtime
