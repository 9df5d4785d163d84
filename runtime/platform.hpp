// What the runtime takes from the platform, by one name for each, so that the model build can put
// its machine of virtual threads in the place of Linux: threads, futexes, the clock, the poller
// and the calls on sockets. In production these are the names of os/ and nothing else.
// Threads: as the named functions. Not here: atomics (atomic.hpp), which the model has as well.
#pragma once

#if defined(C1M_RUNTIME_MODEL)
#include "runtime/model/model_platform.hpp"  // the same names, on the machine
#else

#include <thread>

#include "os/address_space.hpp"
#include "os/clock.hpp"
#include "os/futex.hpp"
#include "os/poller.hpp"
#include "os/process_fence.hpp"
#include "os/socket.hpp"
#include "os/thread.hpp"
#include "os/wake_event.hpp"

namespace c1m::runtime::platform {

using Thread = std::thread;

using os::coarse_monotonic_ns;
using os::monotonic_ns;
using os::sleep_for;

using os::prepare_process_fence;
using os::process_fence;

using os::futex_wait;
using os::futex_wake_one;

using os::Poller;
using os::WakeEvent;

using os::accept_tcp;
using os::connect_result;
using os::read_some;
using os::shut_down_write;
using os::start_connect;
using os::write_some;
using os::write_some_parts;

using os::install_guards;
using os::release_memory;

}  // namespace c1m::runtime::platform

#endif
