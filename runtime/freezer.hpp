// Freezes freezable coroutines that have long been parked: copies their live frames to the heap and
// gives the pages of their stacks back; thaws them before they run again. Invariants: who freezes
// owns the coroutine from the claim (WaitState::begin_freeze) to the end; whoever ends its wait
// meanwhile leaves a mark and goes on, and the freezer queues it; its pages are gone before anybody
// can resume it; its frames come back at the same addresses. Where memory for the frames is
// missing, or the kernel keeps the pages, frames stay where they are and the pass ends. Threads:
// freeze() by any, one at a time; thaw() by the worker that is about to resume the coroutine. Not
// here: when to freeze (freeze_watch.hpp).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
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

  // So many are looked at and sorted before some of them are claimed.
  static constexpr std::size_t candidates_max = 128;
  // So many are claimed together, because neighbours in memory share a call of the kernel, and in
  // so many runs of neighbours, each of which costs a call. Few, because who is woken meanwhile
  // waits until all of them are done.
  static constexpr std::size_t batch_max = 32;
  static constexpr std::size_t batch_runs_max = 8;
  // Frames that take more than half a page stay where they are: little would be gained.
  [[nodiscard]] static std::size_t live_bytes_max();

  // Freezes all that have been parked for so long, or fewer (see above). The calling thread is busy
  // for about a microsecond each, and a coroutine that calls keeps its processor meanwhile.
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
  struct Member {
    Coroutine* coroutine = nullptr;
    std::byte* guard = nullptr;         // of its stack
    std::span<const std::byte> frames;  // that are live there
    std::size_t block_bytes = 0;        // of the block that holds them
  };
  class Claims;

  [[nodiscard]] bool all_are_frozen() const;
  // Looks at records from `index` on until it has a batch; returns where to go on.
  [[nodiscard]] std::uint32_t find_candidates(std::uint32_t index, std::uint32_t created);
  // Where it is, if it may be frozen now; for sure only of one that is claimed.
  [[nodiscard]] std::optional<StackHome> home_if_idle(const Coroutine& coroutine) const;
  // Freezes some of `rest` and takes them off. False: the pass ends.
  [[nodiscard]] bool freeze_batch(std::span<const Candidate>& rest, FreezeOutcome& outcome);
  [[nodiscard]] bool claim_batch(std::span<const Candidate>& rest, Claims& claims);
  [[nodiscard]] bool claim(Coroutine& coroutine);
  // The bytes of the block; 0 when no memory is left.
  [[nodiscard]] std::size_t copy_out(Coroutine& coroutine);
  [[nodiscard]] bool release_pages(std::span<const Member> members, FreezeOutcome& outcome);
  void count(std::span<const Member> members, FreezeOutcome& outcome);
  // The reverse of copying out; the bytes of the block that has gone.
  std::size_t copy_back(Coroutine& coroutine, FrozenCache& blocks);
  void let_go(Coroutine& coroutine);
  [[nodiscard]] Frames frames_of(Coroutine& coroutine) const;

  Scheduler& scheduler_;
  FrameStore& store_;
  ThreadMutex mutex_;  // of one batch
  // Guarded by mutex_, as writing the counters.
  os::Nanoseconds now_ns_ = 0;
  os::Nanoseconds idle_ns_ = 0;
  std::array<Candidate, candidates_max> candidates_{};
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
