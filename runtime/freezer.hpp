// Freezes freezable coroutines that have long been parked: copies their live frames to the heap and
// gives the pages of their stacks back; thaws them before they run again. Invariants: who freezes
// owns the coroutine from the claim (WaitState::begin_freeze) to the end; whoever ends its wait
// meanwhile leaves a mark and goes on, and the freezer queues it; its pages are gone before anybody
// can resume it; its frames come back at the same addresses. Threads: freeze() by any, one at a
// time; thaw() by the worker that is about to resume the coroutine. Not here: when to freeze
// (freeze_watch.hpp).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>

#include "os/clock.hpp"
#include "runtime/atomic.hpp"
#include "runtime/coroutine.hpp"
#include "runtime/frame_store.hpp"
#include "runtime/freeze_policy.hpp"
#include "runtime/statistics.hpp"

namespace c1m::runtime {

class Scheduler;
struct Processor;

class Freezer {
 public:
  Freezer(Scheduler& scheduler, FrameStore& store) : scheduler_(scheduler), store_(store) {}
  Freezer(const Freezer&) = delete;
  Freezer& operator=(const Freezer&) = delete;
  ~Freezer() = default;

  // So many are claimed together, because neighbours in memory share a call of the kernel; who is
  // woken meanwhile waits until all of them are done.
  static constexpr std::size_t batch_max = 128;
  // Frames that take more than half a page stay where they are: little would be gained.
  [[nodiscard]] static std::size_t live_bytes_max();

  // Freezes all that have been parked for so long. The calling thread is busy for about a
  // microsecond each, and a coroutine that calls keeps its processor meanwhile.
  [[nodiscard]] FreezeOutcome freeze(os::Nanoseconds idle_ns);

  void thaw(Coroutine& coroutine, Processor& processor);

  void add_to(RuntimeStatistics& sum) const;

  // For frame_check.hpp, where frames are checked: whose stack, of those that are freezable, has
  // this address; nullptr: nobody's.
  void note_owner(const Coroutine& coroutine);
  void forget_owner(const Coroutine& coroutine);
  [[nodiscard]] const Coroutine* owner_of(const void* address) const;

 private:
  struct Candidate {
    const std::byte* stack = nullptr;  // when it was looked at
    Coroutine* coroutine = nullptr;
  };

  [[nodiscard]] bool all_are_frozen() const;
  // Looks at records from `index` on until it has a batch; returns where to go on.
  [[nodiscard]] std::uint32_t find_candidates(std::uint32_t index, std::uint32_t created);
  [[nodiscard]] bool fits(const Coroutine& coroutine) const;
  void freeze_candidates(FreezeOutcome& outcome);
  bool claim(Coroutine& coroutine);
  void copy_out(Coroutine& coroutine, FreezeOutcome& outcome);
  [[nodiscard]] std::uint64_t release_pages(std::span<Coroutine* const> members);
  void let_go(Coroutine& coroutine);
  [[nodiscard]] Frames frames_of(Coroutine& coroutine) const;

  Scheduler& scheduler_;
  FrameStore& store_;
  ThreadMutex mutex_;  // of one batch
  // Guarded by mutex_, as writing the counters.
  os::Nanoseconds now_ns_ = 0;
  os::Nanoseconds idle_ns_ = 0;
  std::array<Candidate, batch_max> candidates_{};
  std::size_t candidates_count_ = 0;
  FrozenCache blocks_;
  TemplateLearner learner_;
  Counter frozen_;
  Counter frozen_bytes_;
  Counter stored_bytes_;
  Counter released_bytes_;
  mutable ThreadMutex owners_mutex_;
  std::map<std::uintptr_t, const Coroutine*> owners_;  // by guard; guarded by owners_mutex_
};

}  // namespace c1m::runtime
