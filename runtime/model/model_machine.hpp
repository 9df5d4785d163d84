// A machine of a few virtual threads for checking the runtime's shared words: a seeded random
// scheduler decides at every atomic operation who goes on, and each thread's plain stores wait in a
// buffer of its own until a fence or chance lets them out. That is the memory model of x86 (TSO;
// Sewell et al., 2010): it loses a wake-up where a store-load fence is missing. Threads: none but
// its virtual ones. Not here: reorderings that only weaker machines do.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "os/address_space.hpp"
#include "runtime/stack_switch.hpp"

namespace c1m::runtime::model {

// What a mutant of the machine does wrong, so that a check which cannot fail is found out.
enum class Defect : std::uint8_t {
  none,
  void_fences,  // store_load_fence() does not wait for the buffered stores
  torn_rmw,     // read-modify-write operations let others in between
};

class Machine {
 public:
  Machine(std::uint64_t seed, Defect defect);
  ~Machine();
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  // The machine whose virtual thread runs, or nullptr outside of run().
  static Machine* current();

  // Runs the bodies as virtual threads until all have ended. False when none can go on: each waits
  // for a condition that will not come.
  bool run(std::vector<std::function<void()>> bodies);

  // For virtual threads: lets chance decide who goes on.
  void step();
  // Goes on only once `condition` holds.
  void wait_until(const std::function<bool()>& condition);

  // The memory of a virtual thread: `bytes` (at most 8) at `address`.
  void read(const void* address, void* into, std::size_t bytes);
  void write_buffered(void* address, const void* from, std::size_t bytes);
  void drain();  // the calling thread's buffer
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
    std::deque<Store> buffer;
    os::AddressSpace stack;
    bool ended = false;
  };
  // The contexts are told apart by address, so that the entry finds its body.
  static void enter(CoroutineContext& context);
  static void apply(const Store& store);
  bool flush_one_by_chance();
  VirtualThread* choose();

  std::mt19937_64 random_;
  const Defect defect_;
  ThreadContext driver_;
  std::vector<std::unique_ptr<VirtualThread>> threads_;
  VirtualThread* running_ = nullptr;
  VirtualThread* last_ = nullptr;
  std::uint64_t flush_one_in_ = 1;
  std::uint64_t switch_one_in_ = 1;
};

}  // namespace c1m::runtime::model
