// Giving way without waiting for anything.
// Threads: yield() for coroutines only, give_way_if_due() for any.
#pragma once

namespace c1m::runtime {

// Puts the calling coroutine at the end of its processor's queue and runs others first. It may
// continue on another thread: nothing thread-local, errno included, survives the call.
void yield();

// One of the operations that a coroutine may do without having to wait, before it gives way: counts
// it, and after so many (see "The order in which a worker looks for work" in docs/runtime.md)
// yields, so that one whose operations never wait lets others and the network have their turn. By a
// plain thread: nothing happens.
void give_way_if_due();

}  // namespace c1m::runtime
