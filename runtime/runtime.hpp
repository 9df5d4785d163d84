// An M:N coroutine runtime: many stackful coroutines on a few threads, waiting through one
// netpoller. Invariant: every coroutine ends before run() returns. Threads: each function says who
// may call it. Not here: channels and join handles; preemption (a coroutine gives
// way when it waits).
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <source_location>
#include <utility>
#include <vector>

#include "os/result.hpp"
#include "runtime/deadlock.hpp"
#include "runtime/freeze_policy.hpp"
#include "runtime/runtime_dump.hpp"
#include "runtime/runtime_histograms.hpp"
#include "runtime/stack_policy.hpp"
#include "runtime/start.hpp"
#include "runtime/statistics.hpp"
#include "runtime/trace.hpp"

namespace c1m::runtime {

class Scheduler;
class VirtualClock;

inline constexpr unsigned processors_max = 256;
inline constexpr std::size_t compact_slots_max = 65'536;

// How the runtime learns what is ready.
enum class Poller : std::uint8_t {
  epoll,
  // Streams are received by the kernel into buffers that all of them share. Runtime::create() fails
  // with EPERM or ENOSYS where io_uring is forbidden or too old.
  io_uring,
};

// What the thread that holds a processor is bound to. Threads that a coroutine makes inherit that.
enum class ProcessorBinding : std::uint8_t {
  none,
  cpu,        // a CPU of its own among those that the process may use
  numa_node,  // the CPUs of one NUMA node; the processors take turns among the nodes
};

struct RuntimeOptions {
  // How many coroutines run at the same time; each processor has a thread. 1 to processors_max.
  unsigned processors = 1;
  // Address space of a coroutine's stack, its guard page included; only touched pages use memory.
  // Rounded up to whole pages, at least 16 KiB.
  std::size_t stack_bytes = 64 * 1024;
  // How many stacks all compact coroutines share (stack_policy.hpp). 1 to compact_slots_max.
  std::size_t compact_slots = 1024;
  // Most coroutines alive at once, and most descriptors waited for at once. Each reserves address
  // space alone. A processor keeps up to 64 records of coroutines that have ended, which another
  // cannot use: with several processors leave room for that.
  std::size_t coroutines_max = std::size_t{1} << 22;
  std::size_t descriptors_max = std::size_t{1} << 22;
  // EINVAL from create() and set_processors() for more processors than usable CPUs.
  ProcessorBinding binding = ProcessorBinding::none;
  Poller poller = Poller::epoll;
  // For io_uring: how many buffers all streams share, a power of two up to 32,768, and the bytes of
  // each, up to 65,535. When all are full, or a message is longer, streams are read as with epoll.
  std::size_t ring_buffers = 2048;
  std::size_t ring_buffer_bytes = 2048;
  // Installs a handler for SIGSEGV and SIGBUS, process-wide, that names the coroutine whose stack
  // overflowed and aborts; other faults go on to the handler that was there before.
  bool report_stack_overflow = true;
  // What the runtime takes for the time: a test's clock, which outlives the runtime, or the
  // system's monotonic one (nullptr).
  VirtualClock* clock = nullptr;
  // What is done when coroutines wait for each other for ever.
  DeadlockPolicy on_deadlock{};
  // When stacks of idle coroutines are frozen. create() fails where the kernel does not tell what
  // the policy asks for.
  FreezePolicy freeze{};
};

class Runtime {
 public:
  // EINVAL for options outside their ranges; ENOMEM, EMFILE and the like from the system.
  [[nodiscard]] static os::Result<std::unique_ptr<Runtime>> create(const RuntimeOptions& options);

  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;
  ~Runtime();

  // Runs `main` as the first coroutine and returns when it and every coroutine spawned since have
  // ended. The calling thread becomes the first worker; processors - 1 threads are started and
  // joined. Fails when a thread or the first stack cannot be had. May be called again afterwards,
  // but not while it runs nor from a coroutine.
  [[nodiscard]] os::Result<void> run(std::move_only_function<void()> main,
                                     std::source_location where = std::source_location::current());

  // Adds a coroutine from any thread, also before run(); see spawn.hpp for use inside a coroutine.
  template <std::move_constructible Function>
    requires std::invocable<Function&>
  [[nodiscard]] os::Result<void> spawn(
      Function function, SpawnOptions options,
      std::source_location where = std::source_location::current()) {
    Startable<Function>&& startable = std::move(function);  // itself, or wrapped
    return spawn_start(FunctionToStart(startable), options, where);
  }
  template <std::move_constructible Function>
    requires std::invocable<Function&>
  [[nodiscard]] os::Result<void> spawn(
      Function function, std::source_location where = std::source_location::current()) {
    return spawn(std::move(function), SpawnOptions{}, where);
  }

  // Changes how many coroutines run at the same time, 1 to processors_max, now or, before run(),
  // for it. More: the added processors have workers when this returns; when the system has no
  // thread left it fails and the number stays what it was. Fewer: each surplus processor is left
  // when its coroutine next waits, yields or ends; all that it had goes to the others. Any thread,
  // any coroutine.
  [[nodiscard]] os::Result<void> set_processors(unsigned count);

  // Ends every wait for a descriptor or a time with ECANCELED, those of the present and of the
  // future, so that coroutines can leave; run() returns when they have. Any thread, any coroutine,
  // any number of times; not from a signal handler.
  void stop();

  // Freezes the stacks of all freezable coroutines (StackPolicy::freezable) that have been parked
  // for so long: what remains of each are the bytes of its live frames on the heap. A wait begins
  // for this at its worker's last look at the clock, which may be up to 61 resumes before the park,
  // and is counted in units of 17 ms; nobody has waited for 13 days or more. Fewer are frozen when
  // memory for the frames runs out or the kernel keeps a stack's pages. It takes the calling thread
  // about a microsecond each; a coroutine that calls keeps its processor meanwhile, so it had
  // better do so inside of blocking(). Any thread.
  FreezeOutcome freeze_idle(os::Nanoseconds idle_ns);

  // A sum over the processors; exact when nothing runs, otherwise as consistent as unlocked
  // counters are. Any thread.
  [[nodiscard]] RuntimeStatistics statistics() const;

  // How many coroutines are alive (Go's NumGoroutine), as consistent as statistics(). Any thread.
  [[nodiscard]] std::uint64_t live() const;

  // All coroutines, what each waits for and since when; see runtime_dump.hpp for what it can miss.
  // Stops no coroutine. Any thread.
  [[nodiscard]] RuntimeDump dump() const;

  // The circles of coroutines that wait for each other, also while others run (deadlock.hpp). Any
  // thread.
  [[nodiscard]] std::vector<Deadlock> deadlocks() const;

  // Histograms of how long coroutines wait to run, run, and are blocked for each reason; off at
  // first. They go on from where they were when switched on again. ENOMEM: no address space. Any
  // thread.
  [[nodiscard]] os::Result<void> set_histograms(bool on);
  [[nodiscard]] RuntimeHistograms histograms() const;

  // A trace of what happens from start to stop (trace.hpp). EALREADY: one is being taken; EINVAL
  // for options outside their ranges. The last trace is kept until the next one starts; a run that
  // has not ended when it is stopped is not in it. Any thread.
  [[nodiscard]] os::Result<void> start_trace(const TraceOptions& options = {});
  void stop_trace();
  [[nodiscard]] Trace trace() const;

 private:
  explicit Runtime(std::unique_ptr<Scheduler> scheduler);
  [[nodiscard]] os::Result<void> spawn_start(const FunctionToStart& function, SpawnOptions options,
                                             std::source_location where);

  std::unique_ptr<Scheduler> scheduler_;
};

}  // namespace c1m::runtime
