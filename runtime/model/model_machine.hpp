// A machine of a few virtual threads for checking the runtime's shared words: a seeded random
// scheduler decides at every atomic operation who goes on, and by which Memory others see what a
// thread writes: either loses a wake-up where a store-load fence is missing, the weak one also
// where an acquire, a release or a fence is that x86 gives for nothing. Its time moves when nobody
// can go on, and a little by chance. Threads: none but its virtual ones. Not here: what the runtime
// takes from Linux (model_platform.hpp).
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "os/address_space.hpp"
#include "os/clock.hpp"
#include "runtime/model/weak_memory.hpp"
#include "runtime/safeguard.hpp"
#include "runtime/stack_switch.hpp"

namespace c1m::runtime {

class ThreadWaiter;
class Worker;

}  // namespace c1m::runtime

namespace c1m::runtime::model {

enum class Memory : std::uint8_t {
  x86,   // a thread's plain stores wait in a buffer of its own (TSO; Sewell et al., 2010)
  weak,  // loads may overlook what nothing orders before them (weak_memory.hpp)
};

// What a mutant of the machine does wrong, so that a check which cannot fail is found out.
enum class Defect : std::uint8_t {
  none,
  void_fences,  // store_load_fence() does nothing
  torn_rmw,     // read-modify-write operations let others in between
};

class Machine {
 public:
  static constexpr os::Nanoseconds never = INT64_MAX;

  explicit Machine(std::uint64_t seed, Memory memory = Memory::x86, Defect defect = Defect::none);
  ~Machine();
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  // The machine whose virtual thread runs, or nullptr outside of run().
  static Machine* current();

  // Runs the bodies as virtual threads until all have ended. False when none can go on, because
  // each waits for a condition that will not come, or when they take too many steps: failure()
  // says which.
  bool run(std::vector<std::function<void()>> bodies);
  [[nodiscard]] const std::string& failure() const { return failure_; }
  [[nodiscard]] std::uint64_t steps() const { return steps_; }

  // For virtual threads: lets chance decide who goes on.
  void step();
  // Goes on only once `condition` holds, or at `deadline_ns` of the machine's time.
  void wait_until(const std::function<bool()>& condition, os::Nanoseconds deadline_ns = never);
  // One more virtual thread; join() waits for its end.
  std::size_t start(std::function<void()> body);
  void join(std::size_t thread);

  // The machine's time. Asking for it lets some of it pass by chance.
  os::Nanoseconds now_ns();
  // True once in `one_in` times.
  bool chance(std::uint64_t one_in) { return random_() % one_in == 0; }
  std::uint64_t random() { return random_(); }

  // A futex: sleeps until wake_one() of the same address, a deadline, or for no reason.
  void sleep_on(const void* address, os::Nanoseconds deadline_ns);
  void wake_one(const void* address);

  // The runtime of this machine does without the step.
  void leave_out(Safeguard safeguard) { left_out_ |= bit_of(safeguard); }
  [[nodiscard]] bool is_left_out(Safeguard safeguard) const {
    return (left_out_ & bit_of(safeguard)) != 0;
  }

  // The one word that each thread of the runtime has of its own.
  Worker*& worker_of_thread() { return running_->worker; }

  // The free records of threads that wait; keep() holds what is there until the machine ends.
  ThreadWaiter*& free_waiters() { return free_waiters_; }
  void keep(std::shared_ptr<void> object) { kept_.push_back(std::move(object)); }

  // The memory of the running thread: `bytes` (at most 8) at `address`.
  void load(const void* address, void* into, std::size_t bytes, std::memory_order order);
  void store(void* address, const void* from, std::size_t bytes, std::memory_order order);
  // A read-modify-write: from begin_change() on the memory itself has the latest value;
  // read_latest() orders the reading of it, and end_change() writes.
  void begin_change(const void* address);
  void read_latest(const void* address, std::memory_order order);
  void end_change(void* address, const void* from, std::size_t bytes, std::memory_order order);
  void fence();
  void fence_all();  // by every thread
  // An atomic or a mutex there begins, and ends. Who uses it afterwards, before another begins
  // there, fails the run; what stands in a buffer does not come out into the next. By its address:
  // a scenario's compact coroutines, which share addresses, have none in their frames.
  void begin_of(const void* address) { ended_.erase(address); }
  void end_of(const void* address);
  // A mutex is a flag and what its last holder has passed on.
  void lock(bool& locked, VectorClock& passed_on);
  void unlock(bool& locked, VectorClock& passed_on);
  // The running thread is in the kernel, whose locks order it with the others that are or were
  // there; whoever goes on after wait_until() is ordered likewise. So a check calls this before it
  // passes anything on by a plain variable.
  void system_call();
  [[nodiscard]] Memory memory() const { return memory_; }
  [[nodiscard]] Defect defect() const { return defect_; }

 private:
  struct Store {
    void* address;
    std::uint64_t value;
    std::size_t bytes;
  };
  struct VirtualThread {
    CoroutineContext context;
    std::function<void()> body;
    const std::function<bool()>* condition = nullptr;
    os::Nanoseconds deadline_ns = never;
    std::deque<Store> buffer;  // of Memory::x86
    ThreadView view;           // of Memory::weak
    os::AddressSpace stack;
    Worker* worker = nullptr;
    bool ended = false;
  };
  struct Sleeper {
    const void* address;
    bool woken;
  };
  // The contexts are told apart by address, so that the entry finds its body.
  static void enter(CoroutineContext& context);
  static std::uint64_t bit_of(Safeguard safeguard) {
    return std::uint64_t{1} << static_cast<int>(safeguard);
  }
  bool flush_one_by_chance();
  bool let_time_pass();
  VirtualThread* choose();
  void block_until(const std::function<bool()>& condition, os::Nanoseconds deadline_ns);
  static void apply_first(VirtualThread& of);
  void drain();  // the running thread's buffer
  void require_alive(const void* address);

  std::mt19937_64 random_;
  const Defect defect_;
  ThreadContext driver_{enter};
  const Memory memory_;
  WeakMemory weak_;
  VectorClock kernel_;  // what those that have been there have passed on
  std::vector<std::unique_ptr<VirtualThread>> threads_;
  VirtualThread* running_ = nullptr;
  std::vector<VirtualThread*> candidates_;  // kept for its memory
  std::vector<Sleeper*> sleepers_;
  std::uint64_t flush_one_in_ = 1;
  std::uint64_t switch_one_in_ = 1;
  std::uint64_t early_return_one_in_ = 0;  // of futex waits; 0: none
  std::uint64_t stall_one_in_ = 0;         // of steps; 0: none
  // Does not go on before so many steps, while another can.
  VirtualThread* stalled_ = nullptr;
  std::uint64_t stalled_until_ = 0;
  std::uint64_t steps_ = 0;
  std::uint64_t left_out_ = 0;  // bits of Safeguards
  ThreadWaiter* free_waiters_ = nullptr;
  std::vector<std::shared_ptr<void>> kept_;
  std::unordered_set<const void*> ended_;  // where an atomic or a mutex has been
  os::Nanoseconds now_ns_ = os::ns_per_s;
  std::string failure_;
};

}  // namespace c1m::runtime::model
