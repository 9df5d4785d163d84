// The order of a select: look, lock all and look again, enter all lists, park, leave all lists. See
// select.hpp.
#include "runtime/select.hpp"

#include <algorithm>

#include "os/assert.hpp"
#include "runtime/safeguard.hpp"
#include "runtime/thread_state.hpp"
#include "runtime/yield.hpp"

namespace c1m::runtime {
namespace {

using Cases = std::span<SelectCase*>;

// The chance of a processor, or for a plain thread that of the clock.
class Chance {
 public:
  Chance() : worker_(current_worker()) {
    if (worker_ == nullptr) state_ = static_cast<std::uint64_t>(platform::monotonic_ns());
  }
  // Below `end`, which is small: the bias is end / 2^32.
  std::uint32_t below(std::size_t end) {
    return static_cast<std::uint32_t>(std::uint64_t{next()} * end >> 32);
  }

 private:
  std::uint32_t next() {
    if (worker_ != nullptr) return worker_->processor().random();
    // splitmix64 (Steele, Lea and Flood, 2014).
    std::uint64_t mixed = state_ += 0x9e37'79b9'7f4a'7c15;
    mixed = (mixed ^ mixed >> 30) * 0xbf58'476d'1ce4'e5b9;
    mixed = (mixed ^ mixed >> 27) * 0x94d0'49bb'1331'11eb;
    return static_cast<std::uint32_t>(mixed >> 32);
  }

  Worker* worker_;
  std::uint64_t state_ = 0;
};

// Every order is as likely (Fisher and Yates): a start by chance alone would prefer what comes
// after a case that is not ready.
void shuffle(Cases cases) {
  Chance chance;
  for (std::size_t left = cases.size(); left > 1; --left) {
    std::swap(cases[left - 1], cases[chance.below(left)]);
  }
}

// Only as a short cut: who finds nothing looks again with all locks held.
SelectCase* look_at_each(Cases cases) {
  for (SelectCase* each : cases) {
    if (!each->may_be_ready()) continue;
    SelectCase::After after;
    each->lock();
    const bool chosen = each->try_locked(after);
    each->unlock();
    after.run();
    if (chosen) return each;
  }
  return nullptr;
}

void lock_all(Cases cases) {
  std::ranges::sort(cases, std::less(), &SelectCase::address);
  const void* locked = nullptr;
  for (SelectCase* each : cases) {
    each->has_lock = each->address() != locked;
    if (each->has_lock) each->lock();
    locked = each->address();
  }
}

void unlock_all(Cases cases) {
  for (SelectCase* each : cases) {
    if (each->has_lock) each->unlock();
  }
}

std::size_t bytes_of_waiters(Cases cases) {
  std::size_t bytes = 0;
  for (const SelectCase* each : cases) bytes += each->waiter_bytes();
  return std::max<std::size_t>(bytes, 1);
}

// Parks until a channel, a time or the context ends the wait. All locks are held, and given up.
[[gnu::noinline]] Selected wait_for_one(Cases cases, const SelectLimits& limits) {
  WaitBlock block(bytes_of_waiters(cases));
  ChannelWait wait(WaitReason::select, nullptr, limits.deadline_ns, *limits.context);
  std::byte* memory = block.memory();
  for (SelectCase* each : cases) {
    each->enter_locked(memory, wait.waker());
    memory += each->waiter_bytes();
  }
  unlock_all(cases);
  wait.park();
  Selected selected;
  for (SelectCase* each : cases) {
    each->lock();
    if (each->leave_locked()) selected.chosen = each;
    each->unlock();
  }
  if (selected.chosen == nullptr) {
    const bool cancelled = limits.context->is_cancelled();
    selected.end = cancelled ? SelectEnd::cancelled : SelectEnd::timeout;
  }
  return selected;
}

}  // namespace

Selected select_among(std::span<SelectCase*> cases, const SelectLimits& limits) {
  if (limits.context->is_cancelled()) return {.end = SelectEnd::cancelled};
  give_way_if_due();
  shuffle(cases);
  if (SelectCase* chosen = look_at_each(cases)) return {.chosen = chosen};
  lock_all(cases);
  shuffle(cases);
  SelectCase::After after;
  const auto chosen =
      std::ranges::find_if(cases, [&after](SelectCase* each) { return each->try_locked(after); });
  if (chosen == cases.end() && limits.may_wait) return wait_for_one(cases, limits);
  unlock_all(cases);
  after.run();
  if (chosen == cases.end()) return {.end = SelectEnd::not_ready};
  return {.chosen = *chosen};
}

os::Nanoseconds deadline_after(os::Nanoseconds duration_ns) {
  const Worker* const worker = current_worker();
  const os::Nanoseconds now_ns = worker != nullptr
                                     ? const_cast<Worker*>(worker)->scheduler().now_ns()
                                     : platform::monotonic_ns();
  return duration_ns > no_deadline - now_ns ? no_deadline : now_ns + duration_ns;
}

}  // namespace c1m::runtime
