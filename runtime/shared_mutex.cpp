// Waiting for the door to open, and for the readers to leave; see shared_mutex.hpp.
#include "runtime/shared_mutex.hpp"

#include "os/assert.hpp"
#include "runtime/any_wait.hpp"
#include "runtime/frame_check.hpp"
#include "runtime/wait_block.hpp"

namespace c1m::runtime {

SharedMutex::~SharedMutex() {
  C1M_ASSERT(word_.is_idle(), "a shared mutex is destroyed when nobody holds it or waits for it");
}

void SharedMutex::wait_to_read() {
  InWaitBlock<QueuedWaiter> waiter;
  AnyWait wait(WaitReason::read_lock, &writers_.holder());
  waiter->waker = wait.waker();
  if (word_.read_or_wait(*waiter)) {
    wait.cancel();
  } else {
    wait.park_for_one();
  }
}

void SharedMutex::wait_to_write() {
  InWaitBlock<QueuedWaiter> waiter;
  AnyWait wait(WaitReason::write_lock, this);
  waiter->waker = wait.waker();
  if (word_.begin_write(*waiter)) {
    wait.cancel();
  } else {
    wait.park();
  }
}

bool SharedMutex::try_lock() {
  check_reachable(this, "SharedMutex::try_lock");
  if (!writers_.try_lock()) return false;
  if (word_.try_begin_write()) return true;
  writers_.unlock();
  return false;
}

void SharedMutex::unlock() {
  check_reachable(this, "SharedMutex::unlock");
  word_.end_write().wake_each([](QueuedWaiter& reader) { reader.waker.wake(); });
  writers_.unlock();
}

}  // namespace c1m::runtime
