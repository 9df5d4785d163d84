// The runtime's one piece of thread-local state: which worker the calling thread is.
// Why a file of its own: a compiler may keep the address of a thread-local variable in a register
// across a switch, after which the coroutine runs on another thread. So nothing else in runtime/ is
// thread_local, and these two are never inlined.
// Threads: any. The result of current_worker() is stale after any call that can park.
#pragma once

namespace c1m::runtime {

class Worker;

// The worker that the calling thread is, or nullptr on a thread that is none.
Worker* current_worker();

void set_current_worker(Worker* worker);

}  // namespace c1m::runtime
