// What others reach of a wait that a time or a context may end: the timer and the link, in a block
// of its processor's cache. It exists only while such a wait lasts, so other waits, which are a
// server's idle connections, have no memory for it; and never on the stack, because a compact
// coroutine's is not there while it waits. Threads: the coroutine's, but for what Timer and
// CancelLink say; after Timer::cancel() and CancelState::remove() nobody else touches it, so the
// block may become anything.
#pragma once

#include "runtime/cancel_state.hpp"
#include "runtime/timer_heap.hpp"

namespace c1m::runtime {

struct WaitSources {
  Timer timer;
  CancelLink link;
  CancelState* cancel_state = nullptr;  // that has the link

  // On the coroutine, when the wait has ended: out of both lists, and the block back.
  void give_back();
};

}  // namespace c1m::runtime
