// What others reach of a waiter in a queue, while it waits: in a block of its processor's cache, or
// of the heap for a plain thread. Never on a coroutine's stack, because a compact one's is not
// there meanwhile. Threads: the one that waits; what is in the block, under the queue's lock. Not
// here: the queue (waiter_queue.hpp), the wait itself (any_wait.hpp).
#pragma once

#include <memory>

#include "runtime/thread_state.hpp"
#include "runtime/waker.hpp"
#include "runtime/worker.hpp"

namespace c1m::runtime {

// A place in a WaiterQueue.
struct QueuedWaiter {
  using Ended = EndedWait;

  QueuedWaiter* previous = nullptr;
  QueuedWaiter* next = nullptr;
  Waker waker;
  bool queued = false;

  [[nodiscard]] EndedWait end() const { return waker.end(); }
};

template <class Node>
class WaiterBlock {
 public:
  WaiterBlock() : on_coroutine_(runs_coroutine()) {
    node_ = on_coroutine_
                ? std::construct_at(static_cast<Node*>(current_worker()->take_block(sizeof(Node))))
                : new Node;
  }
  WaiterBlock(const WaiterBlock&) = delete;
  WaiterBlock& operator=(const WaiterBlock&) = delete;
  ~WaiterBlock() {
    if (on_coroutine_) {
      std::destroy_at(node_);
      current_worker()->give_back_block(node_, sizeof(Node));
    } else {
      delete node_;
    }
  }

  [[nodiscard]] Node& operator*() const { return *node_; }
  Node* operator->() const { return node_; }

 private:
  static bool runs_coroutine() {
    Worker* const worker = current_worker();
    return worker != nullptr && worker->runs_coroutine();
  }

  const bool on_coroutine_;
  Node* node_;
};

}  // namespace c1m::runtime
