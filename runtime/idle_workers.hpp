// Which workers sleep and how many search for work: who must be woken when there is work, and when
// nobody needs to be. The protocol is that of tokio (multi_thread/idle.rs) and Go (proc.go, wakep):
//   whoever adds work:     add; store_load_fence; wake one if someone sleeps and nobody searches
//   whoever stops looking: leave the searching or enter the sleeping; store_load_fence; look again
// so that of any pair one side sees the other. At most half of the awake workers search.
// Invariants: the workers counted are those with a processor; one in the list sleeps or is about to
// look again; one that was taken out by take_for_search() counts as searching until it says
// otherwise. Threads: any; a lock for the list, none for the question whether to wake.
#pragma once

#include <cstdint>
#include <vector>

#include "runtime/atomic.hpp"

namespace c1m::runtime {

class Worker;

class IdleWorkers {
 public:
  explicit IdleWorkers(std::uint32_t workers) : workers_(workers) { list_.reserve(workers); }

  // How many have a processor. remove_worker() is for one that is neither in the list nor counted
  // as searching; the caller then unparks those in the list, since they may be all there are.
  void set_workers(std::uint32_t workers) {
    const std::lock_guard lock(mutex_);
    workers_.store(workers, std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint32_t workers() const { return workers_.load(std::memory_order_relaxed); }
  void add_worker() { change_workers(1); }
  void remove_worker() { change_workers(-1); }

  // After work was added and a store_load_fence: is it worth take_for_search()?
  [[nodiscard]] bool should_wake() const {
    const std::uint32_t counts = counts_.load(std::memory_order_relaxed);
    return sleeping_of(counts) > 0 && searching_of(counts) == 0;
  }
  [[nodiscard]] std::uint32_t sleeping() const {
    return sleeping_of(counts_.load(std::memory_order_relaxed));
  }

  [[nodiscard]] bool all_asleep() const {
    return sleeping() == workers_.load(std::memory_order_relaxed);
  }

  // Takes the worker that fell asleep last and counts it as searching, or returns nullptr.
  Worker* take_for_search() {
    const std::lock_guard lock(mutex_);
    if (list_.empty() || searching_of(counts_.load(std::memory_order_relaxed)) > 0) return nullptr;
    Worker* worker = list_.back();
    list_.pop_back();
    counts_.fetch_add(one_searching - one_sleeping);
    return worker;
  }

  // Takes `worker` out if it is in the list, counts it as searching and calls unpark(), which is
  // done before the worker can leave. One that is not in the list will look at its queues before it
  // sleeps.
  template <class Unpark>
  void take(Worker& worker, Unpark unpark) {
    const std::lock_guard lock(mutex_);
    if (std::erase(list_, &worker) == 0) return;
    counts_.fetch_add(one_searching - one_sleeping);
    unpark();
  }

  // May one more worker search? Counts it if so.
  bool start_search() {
    const std::uint32_t counts = counts_.load(std::memory_order_relaxed);
    const std::uint32_t workers = workers_.load(std::memory_order_relaxed);
    if (2 * searching_of(counts) + sleeping_of(counts) >= workers) return false;
    counts_.fetch_add(one_searching);
    return true;
  }

  // The caller has found work. True when it was the last to search: others may have relied on it,
  // so it must look (after a store_load_fence) whether there is more.
  bool end_search() { return searching_of(counts_.fetch_sub(one_searching)) == 1; }

  // The caller goes to sleep: it must look for work again afterwards, before it does. True when all
  // workers are in the list now.
  bool enter(Worker& worker, bool searching) {
    const std::lock_guard lock(mutex_);
    list_.push_back(&worker);
    counts_.fetch_add(searching ? one_sleeping - one_searching : one_sleeping);
    return list_.size() == workers_.load(std::memory_order_relaxed);
  }

  // Calls visit(worker) for every worker in the list.
  template <class Visit>
  void for_each(Visit visit) {
    const std::lock_guard lock(mutex_);
    for (Worker* worker : list_) visit(*worker);
  }

  // The caller does not sleep any more. True when somebody took it out for searching, so that it
  // counts as searching.
  bool leave(Worker& worker) {
    const std::lock_guard lock(mutex_);
    if (std::erase(list_, &worker) == 0) return true;
    counts_.fetch_sub(one_sleeping);
    return false;
  }

 private:
  static constexpr std::uint32_t one_searching = 1;
  static constexpr std::uint32_t one_sleeping = 1u << 16;
  static std::uint32_t searching_of(std::uint32_t counts) { return counts & 0xffff; }
  static std::uint32_t sleeping_of(std::uint32_t counts) { return counts >> 16; }

  void change_workers(int by) {
    const std::lock_guard lock(mutex_);
    workers_.store(workers_.load(std::memory_order_relaxed) + static_cast<std::uint32_t>(by),
                   std::memory_order_relaxed);
  }

  Atomic<std::uint32_t> workers_;  // written under mutex_
  // Sequentially consistent where it is changed: one side of the protocol above.
  Atomic<std::uint32_t> counts_ = 0;
  ThreadMutex mutex_;
  std::vector<Worker*> list_;  // guarded by mutex_
};

}  // namespace c1m::runtime
