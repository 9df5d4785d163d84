// Batches of neighbours: claim, copy out, give the pages back in as few calls as there are gaps,
// let go. See freezer.hpp.
#include "runtime/freezer.hpp"

#include <algorithm>
#include <iterator>
#include <mutex>

#include "runtime/platform.hpp"
#include "runtime/racy_read.hpp"
#include "runtime/safeguard.hpp"
#include "runtime/scheduler.hpp"

namespace c1m::runtime {
namespace {

std::uint64_t difference(std::uint64_t more, std::uint64_t less) {
  return more > less ? more - less : 0;  // they are not of one moment
}

// Of the whole pages in which these frames lie.
std::uint64_t bytes_of_pages(std::span<const std::byte> frames) {
  const auto page = static_cast<std::uintptr_t>(os::page_bytes());
  const auto begin = reinterpret_cast<std::uintptr_t>(frames.data());
  const std::uintptr_t end = begin + frames.size();
  return (end + page - 1) / page * page - begin / page * page;
}

// While a batch is in hand, a virtual clock takes its coroutines for some that may run.
class TimeHold {
 public:
  explicit TimeHold(Scheduler& scheduler) : scheduler_(scheduler) { scheduler_.hold_time(); }
  TimeHold(const TimeHold&) = delete;
  TimeHold& operator=(const TimeHold&) = delete;
  ~TimeHold() { scheduler_.release_time(); }

 private:
  Scheduler& scheduler_;
};

}  // namespace

std::size_t Freezer::live_bytes_max() {
  return os::page_bytes() / 2;
}

FreezeOutcome Freezer::freeze(os::Nanoseconds idle_ns) {
  FreezeOutcome outcome;
  if (!freezing_works || all_are_frozen()) return outcome;
  const std::uint32_t created = scheduler_.coroutine_table().created();
  for (std::uint32_t index = 1; index <= created;) {
    const std::lock_guard lock(mutex_);
    const TimeHold hold(scheduler_);
    now_ns_ = scheduler_.now_ns();
    idle_ns_ = idle_ns;
    index = find_candidates(index, created);
    freeze_candidates(outcome);
  }
  return outcome;
}

bool Freezer::all_are_frozen() const {
  RuntimeStatistics now;
  add_to(now);
  return now.coroutines_freezable <= now.stacks_frozen;
}

// Looks only: a claim would take the record's cache line from the workers.
std::uint32_t Freezer::find_candidates(std::uint32_t index, std::uint32_t created) {
  candidates_count_ = 0;
  for (; index <= created && candidates_count_ < batch_max; ++index) {
    Coroutine& coroutine = scheduler_.coroutine_table().at(index);
    if (!fits(coroutine)) continue;
    candidates_[candidates_count_++] = {.stack = racy_read(&coroutine.home).stack().guard,
                                        .coroutine = &coroutine};
  }
  std::ranges::sort(candidates_.begin(), candidates_.begin() + candidates_count_, {},
                    &Candidate::stack);
  return index;
}

// True for sure only of one that is claimed.
bool Freezer::fits(const Coroutine& coroutine) const {
  if (coroutine.wait.state() != CoroutineState::waiting) return false;
  const StackHome home = racy_read(&coroutine.home);
  if (!home.is_freezable() || !home.has_own_frames()) return false;
  if (coroutine.note.read(now_ns_).waited_ns < idle_ns_) return false;
  const auto usable = scheduler_.stacks().usable(home.stack());
  const auto top = reinterpret_cast<std::uintptr_t>(usable.data() + usable.size());
  return top - reinterpret_cast<std::uintptr_t>(coroutine.saved_point()) <= live_bytes_max();
}

void Freezer::freeze_candidates(FreezeOutcome& outcome) {
  std::array<Coroutine*, batch_max> claimed;
  std::size_t count = 0;
  for (const Candidate& candidate : std::span(candidates_).first(candidates_count_)) {
    if (!claim(*candidate.coroutine)) continue;
    copy_out(*candidate.coroutine, outcome);
    claimed[count++] = candidate.coroutine;
  }
  const std::span members = std::span(claimed).first(count);
  const bool pages_first = in_force(Safeguard::freeze_pages);
  if (!pages_first) std::ranges::for_each(members, [this](Coroutine* each) { let_go(*each); });
  const std::uint64_t released = release_pages(members);
  if (pages_first) std::ranges::for_each(members, [this](Coroutine* each) { let_go(*each); });
  outcome.coroutines += count;
  outcome.released_bytes += released;
  released_bytes_.add(released);
}

bool Freezer::claim(Coroutine& coroutine) {
  if (!in_force(Safeguard::freeze_claim)) return fits(coroutine);
  if (!coroutine.wait.begin_freeze()) return false;
  if (fits(coroutine)) return true;
  let_go(coroutine);  // it has run since it was looked at, and waits anew
  return false;
}

void Freezer::copy_out(Coroutine& coroutine, FreezeOutcome& outcome) {
  const Frames frames = frames_of(coroutine);
  const FrameStore::Stored stored =
      store_.put(frames, coroutine.frozen.template_number(), blocks_, learner_);
  coroutine.frozen = stored.image;
  // Before the pages go: who reads them without a claim (call_chain.cpp) looks at this afterwards.
  coroutine.home.set_frozen(true);
  outcome.stored_bytes += stored.block_bytes;
  frozen_.add();
  frozen_bytes_.add(frames.live.size());
  stored_bytes_.add(stored.block_bytes);
}

std::uint64_t Freezer::release_pages(std::span<Coroutine* const> members) {
  const std::size_t stack_bytes = scheduler_.stacks().stack_bytes();
  const auto guard_of = [](const Coroutine* each) { return each->home.stack().guard; };
  std::uint64_t released = 0;
  for (auto run = members.begin(); run != members.end();) {
    std::byte* const begin = guard_of(*run);
    std::byte* end = begin;
    std::uint64_t bytes = 0;
    for (; run != members.end() && guard_of(*run) == end; ++run) {
      end += stack_bytes;
      bytes += bytes_of_pages(frames_of(**run).live);
    }
    // Guards inside the run stay. A failure costs memory, not correctness.
    if (platform::release_memory(begin, static_cast<std::size_t>(end - begin))) released += bytes;
  }
  return released;
}

// After this it is somebody else's.
void Freezer::let_go(Coroutine& coroutine) {
  if (!in_force(Safeguard::freeze_claim)) return;
  if (coroutine.wait.end_freeze()) return;
  observe_ready(scheduler_.sight().observation, coroutine);
  if (in_force(Safeguard::freeze_wake)) scheduler_.queue_woken(coroutine);
}

void Freezer::thaw(Coroutine& coroutine, Processor& processor) {
  if (!in_force(Safeguard::thaw)) return;
  const Frames frames = frames_of(coroutine);
  const std::size_t stored = store_.take(coroutine.frozen, frames, processor.frozen_blocks);
  coroutine.frozen = FrozenImage(nullptr, coroutine.frozen.template_number());
  coroutine.home.set_frozen(false);
  processor.counters.stacks_thawed.add();
  processor.counters.thawed_bytes.add(frames.live.size());
  processor.counters.thawed_stored_bytes.add(stored);
}

Frames Freezer::frames_of(Coroutine& coroutine) const {
  const auto usable = scheduler_.stacks().usable(coroutine.home.stack());
  return {.live = {coroutine.saved_point(), usable.data() + usable.size()},
          .record = std::as_bytes(std::span(&coroutine, 1))};
}

// The bytes of frames are added to those of compact coroutines, whose thaws count in one with
// these.
void Freezer::add_to(RuntimeStatistics& sum) const {
  std::uint64_t ended = 0;
  std::uint64_t begun = 0;
  for (const auto& processor : scheduler_.processors()) {
    ended += processor->counters.freezable_ended.get();
    sum.stack_thaws += processor->counters.stacks_thawed.get();
  }
  for (const auto& processor : scheduler_.processors()) {
    begun += processor->counters.freezable_begun.get();
  }
  sum.coroutines_freezable = difference(begun, ended);
  sum.stack_freezes = frozen_.get();
  sum.stacks_frozen = difference(sum.stack_freezes, sum.stack_thaws);
  sum.stack_bytes_released = released_bytes_.get();
  sum.frozen_bytes += frozen_bytes_.get();
  sum.frozen_bytes_stored += stored_bytes_.get();
}

// --- for checks of debug builds ------------------------------------------------------------------

void Freezer::note_owner(const Coroutine& coroutine) {
  const std::lock_guard lock(owners_mutex_);
  owners_[reinterpret_cast<std::uintptr_t>(coroutine.home.stack().guard)] = &coroutine;
}

void Freezer::forget_owner(const Coroutine& coroutine) {
  const std::lock_guard lock(owners_mutex_);
  owners_.erase(reinterpret_cast<std::uintptr_t>(coroutine.home.stack().guard));
}

const Coroutine* Freezer::owner_of(const void* address) const {
  const auto number = reinterpret_cast<std::uintptr_t>(address);
  const std::lock_guard lock(owners_mutex_);
  const auto behind = owners_.upper_bound(number);
  if (behind == owners_.begin()) return nullptr;
  const auto& [guard, owner] = *std::prev(behind);
  return number - guard < scheduler_.stacks().stack_bytes() ? owner : nullptr;
}

}  // namespace c1m::runtime
