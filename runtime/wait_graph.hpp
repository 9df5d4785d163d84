// Who waits for whom: one look at all coroutines that wait for what one other alone can end, a lock
// that somebody holds or the end of a task. Invariants: a circle that is returned existed at one
// moment of the look: each of its members went on in the same wait, and each lock had the same
// holder, at two looks of which all of the first came before all of the second. Since such a wait
// is ended by nobody else, a circle stays. Threads: a value; looking stops nobody and takes no lock
// that a running coroutine needs. Not here: what is done about it (deadlock_watch.hpp).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace c1m::runtime {

struct Coroutine;
class Scheduler;

class WaitGraph {
 public:
  // By id of coroutine. A holder of 0 is nobody known: a plain thread, a coroutine of another
  // runtime, one that cannot be told from others of its stack slot, or one that has just changed.
  struct Edge {
    std::uint32_t waiter = 0;
    std::uint32_t holder = 0;
    std::uint64_t wait = 0;                // its state and number
    const void* mark = nullptr;            // the HolderMark
    const void* holder_address = nullptr;  // what stood there; nullptr for nobody
  };

  explicit WaitGraph(Scheduler& scheduler);

  // The ids of each circle: each waits for the next, and the last for the first,
  // which has the lowest id.
  [[nodiscard]] std::vector<std::vector<std::uint32_t>> circles() const;
  [[nodiscard]] std::uint32_t holder_of(std::uint32_t waiter) const;  // 0: nobody known

  // Whether every coroutine waits for something that only a coroutine, of what this runtime knows,
  // can do; there is at least one.
  [[nodiscard]] bool all_wait_for_coroutines() const { return live_ > 0 && !others_may_help_; }
  // A number that is the same when the same coroutines are in the same waits.
  [[nodiscard]] std::uint64_t signature() const { return signature_; }

 private:
  void look_at(const Coroutine& coroutine);
  void find_holders();
  [[nodiscard]] const Edge* edge_of(std::uint32_t waiter) const;
  [[nodiscard]] bool goes_on(const Edge& edge) const;

  Scheduler& scheduler_;
  std::vector<Edge> edges_;  // by id of the waiter
  std::uint64_t live_ = 0;
  std::uint64_t signature_ = 0;
  bool others_may_help_ = false;
};

}  // namespace c1m::runtime
