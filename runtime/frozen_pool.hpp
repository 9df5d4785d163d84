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
  FrozenBlock* next = nullptr;
};

struct FrozenList {
  FrozenBlock* first = nullptr;
  std::uint32_t count = 0;

  void push(FrozenBlock* block) {
    block->next = first;
    first = block;
    ++count;
  }
  FrozenBlock* pop() {
    FrozenBlock* block = first;
    first = block->next;
    --count;
    return block;
  }
};

class FrozenPool {
 public:
  static constexpr std::uint32_t batch = 16;

  // Fills an empty list; false when no memory is left.
  [[nodiscard]] bool refill(FrozenList& list, std::size_t size_class);
  // Takes half of a list of two batches, or all of any.
  void drain(FrozenList& list, std::size_t size_class, std::uint32_t keep);

  // Of the block for so many bytes.
  [[nodiscard]] static std::size_t block_bytes(std::size_t bytes);
  // Bytes carved into blocks, in use or not.
  [[nodiscard]] std::size_t carved_bytes() const {
    return carved_bytes_.load(std::memory_order_relaxed);
  }

 private:
  static constexpr std::size_t arena_bytes = std::size_t{64} << 20;

  // The lock is held, for both.
  [[nodiscard]] bool carve(FrozenList& list, std::size_t bytes, std::uint32_t count);
  [[nodiscard]] bool add_arena();

  ThreadMutex mutex_;
  // All guarded by mutex_.
  std::array<FrozenList, FrozenClasses::count> free_{};
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
  std::array<FrozenList, FrozenClasses::count> free_{};
};

}  // namespace c1m::runtime
