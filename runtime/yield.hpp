// Giving way without waiting for anything.
// Threads: for coroutines only.
#pragma once

namespace c1m::runtime {

// Puts the calling coroutine at the end of its processor's queue and runs others first. It may
// continue on another thread: nothing thread-local, errno included, survives the call.
void yield();

}  // namespace c1m::runtime
