// Size classes, batches and carving; see frozen_pool.hpp.
#include "runtime/frozen_pool.hpp"

#include <bit>
#include <new>
#include <utility>

#include "os/assert.hpp"

namespace c1m::runtime {
namespace {

constexpr std::size_t fine_classes = FrozenClasses::fine_bytes_max / FrozenClasses::fine_bytes;
constexpr std::size_t coarse_per_doubling = 8;

}  // namespace

std::size_t FrozenClasses::of(std::size_t bytes) {
  if (bytes <= fine_bytes_max) return (bytes - 1) / fine_bytes;
  const auto doubling = static_cast<std::size_t>(std::bit_width((bytes - 1) / fine_bytes_max)) - 1;
  const std::size_t step = (fine_bytes_max << doubling) / coarse_per_doubling;
  const std::size_t in_doubling = (bytes - 1 - (fine_bytes_max << doubling)) / step;
  return fine_classes + doubling * coarse_per_doubling + in_doubling;
}

std::size_t FrozenClasses::bytes(std::size_t size_class) {
  if (size_class < fine_classes) return (size_class + 1) * fine_bytes;
  const std::size_t doubling = (size_class - fine_classes) / coarse_per_doubling;
  const std::size_t step = (fine_bytes_max << doubling) / coarse_per_doubling;
  return (fine_bytes_max << doubling) +
         ((size_class - fine_classes) % coarse_per_doubling + 1) * step;
}

bool FrozenPool::refill(FrozenList& list, std::size_t size_class) {
  const std::size_t bytes = FrozenClasses::bytes(size_class);
  // Large blocks one at a time: sixteen that nobody asked for would be memory.
  const std::uint32_t wanted = bytes <= FrozenClasses::fine_bytes_max ? batch : 1;
  const std::lock_guard lock(mutex_);
  FrozenList& free = free_[size_class];
  while (list.count < wanted && free.count > 0) list.push(free.pop());
  if (list.count > 0) return true;  // no new memory while there is old
  return carve(list, bytes, wanted);
}

void FrozenPool::drain(FrozenList& list, std::size_t size_class, std::uint32_t keep) {
  const std::lock_guard lock(mutex_);
  while (list.count > keep) free_[size_class].push(list.pop());
}

std::size_t FrozenPool::block_bytes(std::size_t bytes) {
  const bool own = bytes > FrozenClasses::block_bytes_max;  // an allocation of its own
  return own ? bytes : FrozenClasses::bytes(FrozenClasses::of(bytes));
}

// The first in memory is taken first: coroutines that run in turn then find their frames in the
// order in which the CPU fetches ahead.
bool FrozenPool::carve(FrozenList& list, std::size_t bytes, std::uint32_t count) {
  const std::size_t all = bytes * count;
  const bool is_full = arenas_.empty() || arena_used_ + all > arena_bytes;
  if (is_full && !add_arena()) return false;
  std::byte* const first = arenas_.back().data() + arena_used_;
  for (std::size_t i = count; i > 0; --i) list.push(::new (first + (i - 1) * bytes) FrozenBlock);
  arena_used_ += all;
  carved_bytes_.store(carved_bytes() + all, std::memory_order_relaxed);
  return true;
}

bool FrozenPool::add_arena() {
  auto arena = os::AddressSpace::reserve(arena_bytes);
  if (!arena) return false;
  try {
    arenas_.push_back(std::move(*arena));
  } catch (const std::bad_alloc&) {
    return false;
  }
  arena_used_ = 0;
  return true;
}

std::byte* FrozenCache::take(std::size_t bytes, FrozenPool& pool) {
  std::byte* const block = try_take(bytes, pool);
  C1M_ASSERT(block != nullptr, "there is memory for the frames of compact coroutines");
  return block;
}

std::byte* FrozenCache::try_take(std::size_t bytes, FrozenPool& pool) {
  if (bytes > FrozenClasses::block_bytes_max) return new (std::nothrow) std::byte[bytes];
  const std::size_t size_class = FrozenClasses::of(bytes);
  FrozenList& list = free_[size_class];
  if (list.count == 0 && !pool.refill(list, size_class)) return nullptr;
  return reinterpret_cast<std::byte*>(list.pop());
}

void FrozenCache::give_back(std::byte* block, std::size_t bytes, FrozenPool& pool) {
  if (bytes > FrozenClasses::block_bytes_max) {
    delete[] block;
    return;
  }
  const std::size_t size_class = FrozenClasses::of(bytes);
  FrozenList& list = free_[size_class];
  list.push(::new (block) FrozenBlock);
  if (list.count > 2 * FrozenPool::batch) pool.drain(list, size_class, FrozenPool::batch);
}

void FrozenCache::empty_into(FrozenPool& pool) {
  for (std::size_t size_class = 0; size_class < free_.size(); ++size_class) {
    if (free_[size_class].count > 0) pool.drain(free_[size_class], size_class, 0);
  }
}

}  // namespace c1m::runtime
