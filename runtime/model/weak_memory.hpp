// The memory of a machine that is as weak as the C++ standard lets it be: every address keeps its
// latest writes, and a load returns any of those that the loading thread is not bound to overlook.
// What binds it is what happens before, kept as a vector clock for each thread, and what stands
// before it in the order of the sequentially consistent operations. A read-modify-write reads the
// latest write. Neither a store nor an exchange is a fence. Threads: the machine's, one at a time.
// Not here: loads that return what is written later (load buffering), and races of plain variables.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <random>
#include <unordered_map>
#include <vector>

namespace c1m::runtime::model {

inline constexpr std::size_t weak_threads_max = 31;

// How many events of each thread have happened before. Entry 0 counts the sequentially consistent
// operations before the last fence.
class VectorClock {
 public:
  std::uint32_t& operator[](std::size_t thread) { return counts_[thread]; }
  std::uint32_t operator[](std::size_t thread) const { return counts_[thread]; }
  void join(const VectorClock& other) {
    const std::uint32_t* theirs = other.counts_.data();
    for (std::uint32_t& mine : counts_) {
      mine = *theirs > mine ? *theirs : mine;  // hot, and not optimized: no call
      ++theirs;
    }
  }

 private:
  std::array<std::uint32_t, weak_threads_max + 1> counts_{};
};

// What a thread knows of the others.
struct ThreadView {
  std::size_t thread = 0;  // from 1
  VectorClock now;
  VectorClock fenced;      // at the last fence: what a relaxed store passes on
  VectorClock acquirable;  // what relaxed loads have met: the next fence acquires it
};

class WeakMemory {
 public:
  explicit WeakMemory(std::mt19937_64& random);

  void load(ThreadView& view, const void* address, void* into, std::size_t bytes,
            std::memory_order order);
  void store(ThreadView& view, void* address, const void* from, std::size_t bytes,
             std::memory_order order);
  // A read-modify-write: it reads the latest value, which is the one in memory, and writes.
  void read_latest(ThreadView& view, const void* address, std::memory_order order);
  void end_change(ThreadView& view, void* address, const void* from, std::size_t bytes,
                  std::memory_order order);
  // Sequentially consistent.
  void fence(ThreadView& view);
  // The memory there is about to be something else's.
  void forget(const void* address) { locations_.erase(address); }

 private:
  struct Write {
    std::uint64_t value = 0;
    std::size_t writer = 0;           // 0: before the machine ran
    std::uint32_t at = 0;             // the writer's own count
    std::uint32_t sequential_at = 0;  // 0: it is not sequentially consistent
    VectorClock released;
  };
  // Nobody reads an older write after a read of this one that happened before.
  struct Read {
    std::uint64_t write = 0;  // counted from the location's first
    std::uint32_t at = 0;     // the reader's own count; 0: it has not read
  };
  struct Location {
    std::vector<Write> writes;  // in modification order, the latest last
    std::uint64_t dropped = 0;  // writes before these
    std::array<Read, weak_threads_max + 1> reads{};
  };

  Location& location(const void* address, std::size_t bytes);
  void append(ThreadView& view, void* address, const void* from, std::size_t bytes,
              std::memory_order order, const VectorClock* continued);
  [[nodiscard]] bool must_be_seen(const Write& write, const ThreadView& view,
                                  bool sequential) const;
  [[nodiscard]] std::size_t oldest_readable(const Location& location, const ThreadView& view,
                                            bool sequential) const;
  [[nodiscard]] std::size_t choose(std::size_t oldest, std::size_t latest);
  static void acquire(ThreadView& view, const Write& write, std::memory_order order);

  std::mt19937_64& random_;
  std::uint64_t stale_one_in_;  // loads; each seed has its own habits
  bool prefers_oldest_;
  std::unordered_map<const void*, Location> locations_;
  std::uint32_t sequential_operations_ = 0;
  VectorClock fences_;  // what happened before any fence so far
};

}  // namespace c1m::runtime::model
