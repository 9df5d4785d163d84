// Which writes a load may return, and what it learns from the one it does; see weak_memory.hpp.
#include "runtime/model/weak_memory.hpp"

#include <algorithm>
#include <cstring>

namespace c1m::runtime::model {
namespace {

constexpr std::size_t writes_kept = 6;  // of an address

bool acquires(std::memory_order order) {
  return order != std::memory_order_relaxed && order != std::memory_order_release;
}
bool releases(std::memory_order order) {
  return order != std::memory_order_relaxed && order != std::memory_order_acquire;
}

}  // namespace

WeakMemory::WeakMemory(std::mt19937_64& random) : random_(random) {
  stale_one_in_ = std::uint64_t{1} << random_() % 7;
  prefers_oldest_ = random_() % 2 == 0;
}

void WeakMemory::load(ThreadView& view, const void* address, void* into, std::size_t bytes,
                      std::memory_order order) {
  const auto found = locations_.find(address);
  if (found == locations_.end()) {
    std::memcpy(into, address, bytes);  // as it was before the machine ran
    return;
  }
  Location& location = found->second;
  const std::size_t oldest = oldest_readable(location, view, order == std::memory_order_seq_cst);
  const std::size_t index = choose(oldest, location.writes.size() - 1);
  const Write& write = location.writes[index];
  std::memcpy(into, &write.value, bytes);
  location.reads[view.thread] = {.write = location.dropped + index, .at = ++view.now[view.thread]};
  acquire(view, write, order);
}

void WeakMemory::store(ThreadView& view, void* address, const void* from, std::size_t bytes,
                       std::memory_order order) {
  append(view, address, from, bytes, order, nullptr);
}

void WeakMemory::read_latest(ThreadView& view, const void* address, std::memory_order order) {
  const auto found = locations_.find(address);
  if (found == locations_.end()) return;
  Location& location = found->second;
  const std::uint64_t latest = location.dropped + location.writes.size() - 1;
  location.reads[view.thread] = {.write = latest, .at = ++view.now[view.thread]};
  acquire(view, location.writes.back(), order);
}

// It continues the release sequence of the write before.
void WeakMemory::end_change(ThreadView& view, void* address, const void* from, std::size_t bytes,
                            std::memory_order order) {
  const VectorClock continued = location(address, bytes).writes.back().released;
  append(view, address, from, bytes, order, &continued);
}

void WeakMemory::fence(ThreadView& view) {
  view.now.join(view.acquirable);
  view.now.join(fences_);
  view.now[0] = ++sequential_operations_;
  fences_.join(view.now);
  view.fenced = view.now;
}

// The memory at an address that is new here has a value already.
WeakMemory::Location& WeakMemory::location(const void* address, std::size_t bytes) {
  Location& location = locations_[address];
  if (location.writes.empty()) {
    location.writes.emplace_back();
    std::memcpy(&location.writes.back().value, address, bytes);
  }
  return location;
}

void WeakMemory::append(ThreadView& view, void* address, const void* from, std::size_t bytes,
                        std::memory_order order, const VectorClock* continued) {
  Location& there = location(address, bytes);
  if (there.writes.size() == writes_kept) {
    there.writes.erase(there.writes.begin());
    ++there.dropped;
  }
  Write& write = there.writes.emplace_back();
  std::memcpy(&write.value, from, bytes);
  write.writer = view.thread;
  write.at = ++view.now[view.thread];
  if (order == std::memory_order_seq_cst) write.sequential_at = ++sequential_operations_;
  write.released = releases(order) ? view.now : view.fenced;
  if (continued != nullptr) write.released.join(*continued);
  std::memcpy(address, from, bytes);
}

// Whether a load may not return an older one.
bool WeakMemory::must_be_seen(const Write& write, const ThreadView& view, bool sequential) const {
  if (write.at <= view.now[write.writer]) return true;  // it happened before
  if (write.sequential_at != 0 && (sequential || write.sequential_at <= view.now[0])) return true;
  return sequential && write.at <= fences_[write.writer];
}

std::size_t WeakMemory::oldest_readable(const Location& location, const ThreadView& view,
                                        bool sequential) const {
  std::size_t index = location.writes.size() - 1;
  while (index > 0 && !must_be_seen(location.writes[index], view, sequential)) --index;
  for (std::size_t thread = 1; thread <= weak_threads_max; ++thread) {
    const Read& read = location.reads[thread];
    if (read.at == 0 || read.at > view.now[thread] || read.write < location.dropped) continue;
    index = std::max<std::size_t>(index, read.write - location.dropped);
  }
  return index;
}

std::size_t WeakMemory::choose(std::size_t oldest, std::size_t latest) {
  if (oldest == latest || random_() % stale_one_in_ != 0) return latest;
  return prefers_oldest_ ? oldest : oldest + random_() % (latest - oldest + 1);
}

void WeakMemory::acquire(ThreadView& view, const Write& write, std::memory_order order) {
  (acquires(order) ? view.now : view.acquirable).join(write.released);
}

}  // namespace c1m::runtime::model
