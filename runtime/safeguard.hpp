// The steps without which a wake-up would be lost or doubled, frames spoilt, or memory used after
// its end, each by a name, so that the model build can leave one out and show that a check notices.
// In production all are in force, and the question costs nothing. Threads: none. Not here: what
// each is for, which stands at its place.
#pragma once

#include <cstdint>

namespace c1m::runtime {

enum class Safeguard : std::uint8_t {
  spawn_wake,          // who spawns wakes a worker
  ready_wake,          // so does who makes a coroutine runnable
  batch_wake,          // and who gets several from timers or the network
  look_before_sleep,   // who has entered the list of sleepers looks at all queues again
  look_after_search,   // so does the last searcher, when it has found something
  kept_unpark,         // an unpark before the park counts
  poll_unpark,         // an unpark ends a poll
  network_watch,       // one of the sleepers polls
  timed_sleep,         // a sleeping worker wakes for its timers
  token_epoch,         // a token of an earlier wait wakes nobody
  park_commit,         // a park sees a wake that came before it
  timer_cancel,        // a wait takes its timer back
  kept_edge,           // an edge before the wait counts
  look_after_publish,  // who waits for a descriptor looks at close, stop and deadline again
  look_after_arming,   // who sleeps looks at stop again
  close_interrupts,    // close() ends the waits that go on
  stop_interrupts,     // so does stop()
  surplus_unparks,     // who leaves a surplus processor unparks the others
  cancel_descends,     // cancelling reaches the contexts below
  context_deadline,    // a wait ends at its context's deadline
  cancel_interrupts,   // cancelling ends the waits that go on
  group_list,          // the last done() wakes all that wait, not the first alone
  channel_close,       // closing a channel ends the waits for it
  channel_leave,       // who has waited for a channel takes itself out of its list
  channel_refill,      // who makes room in a full channel lets the first sender in
  channel_winner,      // a value goes only to a waiter whose wait it has ended
  lock_wake,           // who gives a short lock up wakes who sleeps for it
  ring_fence,          // who waits at a ring, and who opens it, looks after a fence
  thread_look,         // a plain thread looks at its word before it sleeps
  thread_signal,       // who ends its wait wakes it
  ticker_interrupts,   // stop() and reset() of a ticker wake who waits for it
  slot_turn,           // who has run a compact coroutine queues the next of its slot
  pin_unparks,         // who queues a pinned coroutine wakes its processor
  pins_move,           // who leaves a surplus processor sends its pinned coroutines elsewhere
  wake_fence,          // who has added work looks at the sleepers after that
  sleep_fence,         // who has entered the list of sleepers looks at the queues after that
  staff_fence,         // who adds a worker fences for the one that was alone
  search_fence,        // so does the last searcher, when it is none any more
  stop_lock,           // stop() finds every descriptor whose opener has not seen it
  template_match,      // frames are stored as the difference from a template that they match
  freeze_claim,        // who freezes a stack owns its coroutine meanwhile
  freeze_pages,        // until the stack's pages have gone
  freeze_wake,         // who freezes queues the coroutine if its wait has been ended meanwhile
  thaw,                // who resumes a frozen coroutine puts its frames back first
  semaphore_keeps,     // who gives up while it is served keeps its units
  semaphore_passes,    // who gives up lets those behind it in
  shared_lock_admits,  // readers on their way to the queue are let in as those in it
  notified_stays,      // who gives up while it is notified has been notified
  join_recheck,        // who joins sees that the task has ended meanwhile
  join_settles,        // who stops joining waits until its waker is not used any more
  group_ends,          // the last task of a group wakes its owner
  failure_cancels,     // the first failure of a group cancels the others
  outside_wait,        // run() ends after who has queued its last coroutine from outside
  monitor,             // the thread that rescues; left out wherever it would hide a lost wake-up
};

#if defined(C1M_RUNTIME_MODEL)
[[nodiscard]] bool in_force(Safeguard safeguard);  // model_machine.cpp
#else
[[nodiscard]] constexpr bool in_force(Safeguard) {
  return true;
}
#endif

}  // namespace c1m::runtime
