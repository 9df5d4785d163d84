// Memory for the frames of compact coroutines that another has driven out of their slot: blocks in
// fine size classes, because most of a million such coroutines have frames of the same few sizes.
// Invariants: a block goes back with the size it was taken with; memory stays with the pool until
// the runtime ends. Threads: FrozenCache by the worker that holds its processor; FrozenPool by any,
// under one lock, which the caches reach rarely. Not here: when to freeze (slot_table.hpp).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "os/address_space.hpp"
#include "runtime/atomic.hpp"
#include "runtime/free_chains.hpp"

namespace c1m::runtime {

// Steps of 8 bytes up to 1 KiB, then eight to each doubling up to 64 KiB.
struct FrozenClasses {
  static constexpr std::size_t fine_bytes = 8;
  static constexpr std::size_t fine_bytes_max = 1024;
  static constexpr std::size_t block_bytes_max = 64 * 1024;
  static constexpr std::size_t count = fine_bytes_max / fine_bytes + 8 * 6;

  [[nodiscard]] static std::size_t of(std::size_t bytes);  // 1 to block_bytes_max
  [[nodiscard]] static std::size_t bytes(std::size_t size_class);
};

struct FrozenBlock {
  FrozenBlock* next;
};
// The word behind `next`, which only the smallest blocks lack.
inline FrozenBlock*& chain_link(FrozenBlock& block) {
  return (&block + 1)->next;
}
using FrozenList = FreeList<FrozenBlock>;

class FrozenPool {
 public:
  static constexpr std::uint32_t batch = 16;

  // A batch or fewer; empty when no memory is left.
  [[nodiscard]] FrozenList take(std::size_t size_class);
  // A batch.
  void give_back(FrozenList blocks, std::size_t size_class);
  void give_back_one(FrozenBlock* block, std::size_t size_class);

  // Of the block for so many bytes.
  [[nodiscard]] static std::size_t block_bytes(std::size_t bytes);
  // Bytes carved into blocks, in use or not.
  [[nodiscard]] std::size_t carved_bytes() const {
    return carved_bytes_.load(std::memory_order_relaxed);
  }

 private:
  static constexpr std::size_t arena_bytes = std::size_t{64} << 20;

  // Whether a block has no room for two links.
  [[nodiscard]] static bool is_smallest(std::size_t size_class) {
    return FrozenClasses::bytes(size_class) < 2 * sizeof(FrozenBlock);
  }
  // The lock is held, for all three.
  [[nodiscard]] FrozenList take_free(std::size_t size_class);
  [[nodiscard]] FrozenList carve(std::size_t bytes, std::uint32_t count);
  [[nodiscard]] bool add_arena();

  ThreadMutex mutex_;
  // All guarded by mutex_.
  std::array<FreeChains<FrozenBlock, batch>, FrozenClasses::count> free_{};
  FrozenList smallest_;  // one by one
  std::vector<os::AddressSpace> arenas_;
  std::size_t arena_used_ = 0;
  Atomic<std::size_t> carved_bytes_ = 0;
};

// A processor's share of the pool.
class FrozenCache {
 public:
  // Ends the process when no memory is left: the frames have nowhere to go.
  [[nodiscard]] std::byte* take(std::size_t bytes, FrozenPool& pool);
  // nullptr when no memory is left: for who can do without.
  [[nodiscard]] std::byte* try_take(std::size_t bytes, FrozenPool& pool);
  void give_back(std::byte* block, std::size_t bytes, FrozenPool& pool);
  // Everything to the pool.
  void empty_into(FrozenPool& pool);

 private:
  std::array<FreeCache<FrozenBlock, FrozenPool::batch>, FrozenClasses::count> free_{};
};

}  // namespace c1m::runtime
