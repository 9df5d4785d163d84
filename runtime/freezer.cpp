// Batches of neighbours: claim, copy out, give the pages back in as few calls as there are gaps,
// let go. See freezer.hpp.
#include "runtime/freezer.hpp"

#include <algorithm>
#include <iterator>
#include <mutex>
#include <optional>

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

// Of one batch, in the order of their stacks. Whatever happens, their waits go on, or they are
// queued, afterwards.
class Freezer::Claims {
 public:
  explicit Claims(Freezer& freezer) : freezer_(freezer) {}
  Claims(const Claims&) = delete;
  Claims& operator=(const Claims&) = delete;
  ~Claims() { let_go(); }

  [[nodiscard]] bool is_full() const { return count_ == batch_max; }
  [[nodiscard]] std::span<const Member> members() const {
    return std::span(members_).first(count_);
  }
  Member& add(Coroutine& coroutine) {
    return members_[count_++] = {.coroutine = &coroutine,
                                 .guard = coroutine.home.stack().guard,
                                 .frames = freezer_.frames_of(coroutine).live,
                                 .block_bytes = 0};
  }
  void let_go_of_last() { freezer_.let_go(*members_[--count_].coroutine); }
  // The members are still known.
  void let_go() {
    if (let_go_) return;
    let_go_ = true;
    for (const Member& each : members()) freezer_.let_go(*each.coroutine);
  }

 private:
  Freezer& freezer_;
  std::array<Member, batch_max> members_{};
  std::size_t count_ = 0;
  bool let_go_ = false;
};

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
    std::span<const Candidate> rest = std::span(candidates_).first(candidates_count_);
    while (!rest.empty()) {
      if (!freeze_batch(rest, outcome)) return outcome;
    }
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
  for (; index <= created && candidates_count_ < candidates_max; ++index) {
    Coroutine& coroutine = scheduler_.coroutine_table().at(index);
    const auto home = home_if_idle(coroutine);
    if (!home) continue;
    candidates_[candidates_count_++] = {.stack = home->stack().guard, .coroutine = &coroutine};
  }
  std::ranges::sort(candidates_.begin(), candidates_.begin() + candidates_count_, {},
                    &Candidate::stack);
  return index;
}

std::optional<StackHome> Freezer::home_if_idle(const Coroutine& coroutine) const {
  if (coroutine.wait.state() != CoroutineState::waiting) return std::nullopt;
  const StackHome home = racy_read(&coroutine.home);
  if (!home.is_freezable() || !home.has_own_frames()) return std::nullopt;
  if (coroutine.note.read(now_ns_).waited_ns < idle_ns_) return std::nullopt;
  const auto usable = scheduler_.stacks().usable(home.stack());
  const auto top = reinterpret_cast<std::uintptr_t>(usable.data() + usable.size());
  const auto saved = reinterpret_cast<std::uintptr_t>(coroutine.saved_point());
  return top - saved <= live_bytes_max() ? std::optional(home) : std::nullopt;
}

bool Freezer::freeze_batch(std::span<const Candidate>& rest, FreezeOutcome& outcome) {
  Claims claims(*this);
  const bool has_memory = claim_batch(rest, claims);
  if (!in_force(Safeguard::freeze_pages)) claims.let_go();
  return release_pages(claims.members(), outcome) && has_memory;
}

// Copies out those whom it claims. False: there is no memory for more.
bool Freezer::claim_batch(std::span<const Candidate>& rest, Claims& claims) {
  const std::byte* run_end = nullptr;
  std::size_t runs = 0;
  for (; !rest.empty() && !claims.is_full(); rest = rest.subspan(1)) {
    const Candidate& candidate = rest.front();
    const bool begins_run = candidate.stack != run_end;
    if (begins_run && runs == batch_runs_max) return true;
    if (!claim(*candidate.coroutine)) continue;
    Member& member = claims.add(*candidate.coroutine);
    member.block_bytes = copy_out(*candidate.coroutine);
    if (member.block_bytes == 0) {
      claims.let_go_of_last();
      return false;
    }
    if (begins_run) ++runs;
    run_end = candidate.stack + scheduler_.stacks().stack_bytes();
  }
  return true;
}

bool Freezer::claim(Coroutine& coroutine) {
  if (!in_force(Safeguard::freeze_claim)) return home_if_idle(coroutine).has_value();
  if (!coroutine.wait.begin_freeze()) return false;
  if (home_if_idle(coroutine)) return true;
  let_go(coroutine);  // it has run since it was looked at, and waits anew
  return false;
}

std::size_t Freezer::copy_out(Coroutine& coroutine) {
  const auto stored =
      store_.try_put(frames_of(coroutine), coroutine.frozen.template_number(), blocks_, learner_);
  if (!stored) return 0;
  coroutine.frozen = stored->image;
  // Before the pages go: who reads them without a claim (call_chain.cpp) looks at this afterwards.
  coroutine.home.set_frozen(true);
  return stored->block_bytes;
}

bool Freezer::release_pages(std::span<const Member> members, FreezeOutcome& outcome) {
  const std::size_t stack_bytes = scheduler_.stacks().stack_bytes();
  while (!members.empty()) {
    std::byte* const begin = members.front().guard;
    std::size_t run = 1;
    while (run < members.size() && members[run].guard == begin + run * stack_bytes) ++run;
    // Guards inside the run stay. It fails, for one, where a program locks its memory (mlockall),
    // and may then have released a part.
    if (!platform::release_memory(begin, run * stack_bytes)) {
      for (const Member& each : members) copy_back(*each.coroutine, blocks_);
      return false;
    }
    count(members.first(run), outcome);
    members = members.subspan(run);
  }
  return true;
}

// Before they are let go: a thaw is not counted earlier than its freeze.
void Freezer::count(std::span<const Member> members, FreezeOutcome& outcome) {
  for (const Member& each : members) {
    const std::uint64_t released = bytes_of_pages(each.frames);
    ++outcome.coroutines;
    outcome.released_bytes += released;
    outcome.stored_bytes += each.block_bytes;
    frozen_.add();
    frozen_bytes_.add(each.frames.size());
    stored_bytes_.add(each.block_bytes);
    released_bytes_.add(released);
  }
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
  processor.counters.stacks_thawed.add();
  processor.counters.thawed_bytes.add(frames_of(coroutine).live.size());
  processor.counters.thawed_stored_bytes.add(copy_back(coroutine, processor.frozen_blocks));
}

std::size_t Freezer::copy_back(Coroutine& coroutine, FrozenCache& blocks) {
  const std::size_t stored = store_.take(coroutine.frozen, frames_of(coroutine), blocks);
  coroutine.frozen = FrozenImage(nullptr, coroutine.frozen.template_number());
  coroutine.home.set_frozen(false);
  return stored;
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
