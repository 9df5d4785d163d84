// From marks to coroutines, and from coroutines to circles; see wait_graph.hpp.
#include "runtime/wait_graph.hpp"

#include <algorithm>
#include <map>

#include "os/own_memory.hpp"
#include "runtime/holder_mark.hpp"
#include "runtime/racy_read.hpp"
#include "runtime/scheduler.hpp"

namespace c1m::runtime {
namespace {

// Nothing when the object has gone, or nobody holds it.
const void* holder_address_at(const void* mark) {
  const void* address = nullptr;
  if (mark == nullptr) return nullptr;
  const bool read = os::read_own_memory(mark, std::as_writable_bytes(std::span(&address, 1)));
  return read ? address : nullptr;
}

// Whether `address` lies in the frames that `coroutine` may have. Of several that share a slot it
// may be more than one.
bool may_have(const Coroutine& coroutine, const void* address, const StackPool& stacks) {
  const StackHome home = racy_read(&coroutine.home);
  if (home.none()) return false;
  const auto usable = stacks.usable(home.stack());
  const auto* const byte = static_cast<const std::byte*>(address);
  if (byte < usable.data() || byte >= usable.data() + usable.size()) return false;
  if (home.slot() == nullptr) return true;
  const std::uint64_t point = racy_word(coroutine.saved_point_address());
  return point != 0 && reinterpret_cast<std::uintptr_t>(byte) >= point;
}

}  // namespace

WaitGraph::WaitGraph(Scheduler& scheduler) : scheduler_(scheduler) {
  CoroutineTable& table = scheduler.coroutine_table();
  const std::uint32_t created = table.created();
  for (std::uint32_t index = 1; index <= created; ++index) look_at(table.at(index));
  if (!edges_.empty()) find_holders();
}

void WaitGraph::look_at(const Coroutine& coroutine) {
  const std::uint64_t before = coroutine.wait.snapshot();
  const CoroutineState state = WaitState::state_of(before);
  if (state == CoroutineState::free) return;
  ++live_;
  // Fowler, Noll and Vo's hash, a word at a time.
  signature_ = (signature_ ^ coroutine.index ^ before) * 0x100'0000'01b3;
  const WaitReason reason = coroutine.note.reason();
  const auto* const awaited = racy_read(&coroutine.awaited);
  const bool waits = state == CoroutineState::waiting && coroutine.wait.snapshot() == before;
  if (!waits || kernel_may_end(reason)) {
    others_may_help_ = true;
  } else if (one_alone_ends(reason)) {
    edges_.push_back({.waiter = coroutine.index,
                      .wait = before,
                      .mark = awaited,
                      .holder_address = holder_address_at(awaited)});
  }
}

// One more look at all, because anybody may be the holder.
void WaitGraph::find_holders() {
  std::multimap<std::uintptr_t, Edge*> by_address;
  for (Edge& edge : edges_) {
    if (edge.holder_address == nullptr) continue;
    by_address.emplace(reinterpret_cast<std::uintptr_t>(edge.holder_address), &edge);
  }
  if (by_address.empty()) return;
  constexpr std::uint32_t several = UINT32_MAX;
  CoroutineTable& table = scheduler_.coroutine_table();
  const StackPool& stacks = scheduler_.stacks();
  const std::uint32_t created = table.created();
  for (std::uint32_t index = 1; index <= created; ++index) {
    const Coroutine& coroutine = table.at(index);
    const StackHome home = racy_read(&coroutine.home);
    if (home.none() || coroutine.wait.state() == CoroutineState::free) continue;
    const auto guard = reinterpret_cast<std::uintptr_t>(home.stack().guard);
    for (auto found = by_address.lower_bound(guard);
         found != by_address.end() && found->first < guard + stacks.stack_bytes(); ++found) {
      Edge& edge = *found->second;
      if (!may_have(coroutine, edge.holder_address, stacks)) continue;
      edge.holder = edge.holder == 0 ? index : several;
    }
  }
  for (Edge& edge : edges_) {
    if (edge.holder == 0 && edge.holder_address != nullptr) others_may_help_ = true;
    if (edge.holder == several) edge.holder = 0;
  }
}

const WaitGraph::Edge* WaitGraph::edge_of(std::uint32_t waiter) const {
  const auto found = std::ranges::lower_bound(edges_, waiter, {}, &Edge::waiter);
  return found != edges_.end() && found->waiter == waiter ? &*found : nullptr;
}

std::uint32_t WaitGraph::holder_of(std::uint32_t waiter) const {
  const Edge* const edge = edge_of(waiter);
  return edge == nullptr ? 0 : edge->holder;
}

// The second look.
bool WaitGraph::goes_on(const Edge& edge) const {
  const Coroutine& coroutine = scheduler_.coroutine_table().at(edge.waiter);
  return coroutine.wait.snapshot() == edge.wait &&
         holder_address_at(edge.mark) == edge.holder_address &&
         coroutine.wait.snapshot() == edge.wait;
}

std::vector<std::vector<std::uint32_t>> WaitGraph::circles() const {
  std::vector<std::vector<std::uint32_t>> found;
  std::map<std::uint32_t, std::uint32_t> walk_of;  // by which walk a coroutine was reached first
  for (const Edge& start : edges_) {
    std::uint32_t id = start.waiter;
    while (id != 0 && !walk_of.contains(id)) {
      walk_of[id] = start.waiter;
      id = holder_of(id);
    }
    if (id == 0 || walk_of[id] != start.waiter) continue;
    // This walk has come back to its own: the circle begins at `id`.
    std::vector<std::uint32_t> circle;
    std::uint32_t member = id;
    do {
      circle.push_back(member);
      member = holder_of(member);
    } while (member != id);
    const bool lasts =
        std::ranges::all_of(circle, [this](std::uint32_t each) { return goes_on(*edge_of(each)); });
    if (!lasts) continue;
    std::ranges::rotate(circle, std::ranges::min_element(circle));
    found.push_back(std::move(circle));
  }
  return found;
}

}  // namespace c1m::runtime
