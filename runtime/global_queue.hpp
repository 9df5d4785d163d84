// The queue that all processors share: for coroutines from other threads and for what overflows a
// processor's ring. A processor looks here every 61st time and when it has nothing of its own.
// Invariant: first in, first out. Threads: any; one lock. size() takes none.
#pragma once

#include <cstddef>
#include <span>

#include "runtime/atomic.hpp"
#include "runtime/coroutine.hpp"

namespace c1m::runtime {

class GlobalQueue {
 public:
  // At least one.
  void push(std::span<Coroutine* const> coroutines) {
    for (std::size_t i = 1; i < coroutines.size(); ++i) coroutines[i - 1]->next = coroutines[i];
    coroutines.back()->next = nullptr;
    const std::lock_guard lock(mutex_);
    (last_ == nullptr ? first_ : last_->next) = coroutines.front();
    last_ = coroutines.back();
    size_.store(size() + coroutines.size(), std::memory_order_relaxed);
  }

  // Fills `out` from the front; returns how many.
  std::size_t pop(std::span<Coroutine*> out) {
    if (size() == 0) return 0;
    const std::lock_guard lock(mutex_);
    std::size_t count = 0;
    while (count < out.size() && first_ != nullptr) {
      Coroutine* coroutine = first_;
      first_ = coroutine->next;
      out[count++] = coroutine;
    }
    if (first_ == nullptr) last_ = nullptr;
    size_.store(size() - count, std::memory_order_relaxed);
    return count;
  }

  [[nodiscard]] std::size_t size() const { return size_.load(std::memory_order_relaxed); }

 private:
  ThreadMutex mutex_;
  Coroutine* first_ = nullptr;  // guarded by mutex_, as last_
  Coroutine* last_ = nullptr;
  Atomic<std::size_t> size_ = 0;  // written under mutex_
};

}  // namespace c1m::runtime
