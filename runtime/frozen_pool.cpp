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

FrozenList FrozenPool::take(std::size_t size_class) {
  const std::size_t bytes = FrozenClasses::bytes(size_class);
  const std::lock_guard lock(mutex_);
  const FrozenList free = take_free(size_class);
  if (free.count > 0) return free;  // no new memory while there is old
  // Large blocks are made one at a time: sixteen that nobody asked for would be memory.
  return carve(bytes, bytes <= FrozenClasses::fine_bytes_max ? batch : 1);
}

FrozenList FrozenPool::take_free(std::size_t size_class) {
  if (!is_smallest(size_class)) return free_[size_class].take();
  FrozenList list;
  while (list.count < batch && smallest_.count > 0) list.push(smallest_.pop());
  return list;
}

void FrozenPool::give_back(FrozenList blocks, std::size_t size_class) {
  const std::lock_guard lock(mutex_);
  if (!is_smallest(size_class)) {
    free_[size_class].put(blocks);
    return;
  }
  while (blocks.count > 0) smallest_.push(blocks.pop());
}

void FrozenPool::give_back_one(FrozenBlock* block, std::size_t size_class) {
  const std::lock_guard lock(mutex_);
  if (is_smallest(size_class)) {
    smallest_.push(block);
  } else {
    free_[size_class].put_one(block);
  }
}

std::size_t FrozenPool::block_bytes(std::size_t bytes) {
  const bool own = bytes > FrozenClasses::block_bytes_max;  // an allocation of its own
  return own ? bytes : FrozenClasses::bytes(FrozenClasses::of(bytes));
}

// The first in memory is taken first: coroutines that run in turn then find their frames in the
// order in which the CPU fetches ahead.
FrozenList FrozenPool::carve(std::size_t bytes, std::uint32_t count) {
  const std::size_t all = bytes * count;
  FrozenList list;
  const bool is_full = arenas_.empty() || arena_used_ + all > arena_bytes;
  if (is_full && !add_arena()) return list;
  std::byte* const first = arenas_.back().data() + arena_used_;
  for (std::size_t i = count; i > 0; --i) list.push(::new (first + (i - 1) * bytes) FrozenBlock);
  arena_used_ += all;
  carved_bytes_.store(carved_bytes() + all, std::memory_order_relaxed);
  return list;
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
  auto& cache = free_[size_class];
  FrozenBlock* block = cache.take();
  if (block == nullptr) {
    FrozenList blocks = pool.take(size_class);
    if (blocks.count == 0) return nullptr;
    block = blocks.pop();
    cache.refill(blocks);
  }
  return reinterpret_cast<std::byte*>(block);
}

void FrozenCache::give_back(std::byte* block, std::size_t bytes, FrozenPool& pool) {
  if (bytes > FrozenClasses::block_bytes_max) {
    delete[] block;
    return;
  }
  const std::size_t size_class = FrozenClasses::of(bytes);
  const FrozenList surplus = free_[size_class].put(::new (block) FrozenBlock);
  if (surplus.count > 0) pool.give_back(surplus, size_class);
}

void FrozenCache::empty_into(FrozenPool& pool) {
  for (std::size_t size_class = 0; size_class < free_.size(); ++size_class) {
    while (FrozenBlock* const block = free_[size_class].take()) {
      pool.give_back_one(block, size_class);
    }
  }
}

}  // namespace c1m::runtime
