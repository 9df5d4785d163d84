// The records that threads wait with, and the list of the free ones. Threads: any. The model build
// has a list of its own (model/model_platform.cpp), which ends with the machine.
#include "runtime/thread_waiter.hpp"

#include <mutex>

namespace c1m::runtime {
namespace {

struct FreeWaiters {
  std::mutex mutex;
  ThreadWaiter* first = nullptr;  // guarded by mutex
};

FreeWaiters& free_waiters() {
  static FreeWaiters waiters;
  return waiters;
}

}  // namespace

ThreadWaiter& ThreadWaiter::take() {
  FreeWaiters& waiters = free_waiters();
  {
    const std::lock_guard lock(waiters.mutex);
    if (ThreadWaiter* const first = waiters.first; first != nullptr) {
      waiters.first = first->next;
      return *first;
    }
  }
  return *new ThreadWaiter;  // never freed: see the header
}

void ThreadWaiter::give_back() {
  FreeWaiters& waiters = free_waiters();
  const std::lock_guard lock(waiters.mutex);
  next = waiters.first;
  waiters.first = this;
}

}  // namespace c1m::runtime
