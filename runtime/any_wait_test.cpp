// Waiting with one type from coroutines and from plain threads: who wakes whom, deadlines,
// contexts, and wakers that come too late.
#include "runtime/any_wait.hpp"

#include <atomic>
#include <cerrno>
#include <mutex>
#include <thread>
#include <vector>

#include "os/clock.hpp"
#include "runtime/blocking.hpp"
#include "runtime/runtime_fixture.hpp"
#include "runtime/sleep.hpp"
#include "runtime/spawn.hpp"
#include "runtime/yield.hpp"

namespace c1m::runtime {
namespace {

class AnyWaitTest : public RuntimeTest {};
C1M_FOR_ALL_PROCESSOR_COUNTS(AnyWaitTest);

// One wait at a time, ended by whoever has the waker; the waiter does not leave before that.
class Event {
 public:
  void wait() {
    AnyWait wait(WaitReason::none);
    {
      const std::lock_guard lock(mutex_);
      if (set_) {
        wait.cancel();
        return;
      }
      waiter_ = wait.waker();
    }
    wait.park();
    const std::lock_guard lock(mutex_);
    EXPECT_TRUE(set_);
  }
  void set() {
    EndedWait ended;
    {
      const std::lock_guard lock(mutex_);
      set_ = true;
      ended = waiter_.end();
    }
    ended.deliver();
  }

 private:
  std::mutex mutex_;
  bool set_ = false;
  Waker waiter_;
};

TEST_P(AnyWaitTest, CoroutinesAndThreadsWakeEachOther) {
  constexpr int rounds = C1M_TSAN ? 200 : 2000;
  struct Round {
    Event to_thread;
    Event to_coroutine;
  };
  std::vector<Round> all(rounds);
  std::thread thread([&all] {
    for (Round& round : all) {
      round.to_thread.wait();
      round.to_coroutine.set();
    }
  });
  int turns = 0;
  run([&] {
    for (Round& round : all) {
      round.to_thread.set();
      round.to_coroutine.wait();
      ++turns;
    }
  });
  thread.join();
  EXPECT_EQ(turns, rounds);
}

TEST_P(AnyWaitTest, CoroutinesOfTwoRuntimesWakeEachOther) {
  auto other = Runtime::create({.processors = GetParam(), .stack_bytes = stack_bytes});
  ASSERT_TRUE(other);
  Event there;
  Event here;
  std::thread thread([&] {
    const auto ran = (*other)->run([&] {
      there.wait();
      here.set();
    });
    EXPECT_TRUE(ran);
  });
  run([&] {
    there.set();
    here.wait();
  });
  thread.join();
}

// The coroutine is the last of its run, so the runtime ends as soon as it has gone on.
TEST_P(AnyWaitTest, ARuntimeWaitsForWhoSendsItsLastCoroutineOn) {
  for (int round = 0; round < (C1M_TSAN ? 20 : 200); ++round) {
    auto shortlived = Runtime::create({.processors = GetParam(), .stack_bytes = stack_bytes});
    ASSERT_TRUE(shortlived);
    Event event;
    std::thread thread([&event] { event.set(); });
    EXPECT_TRUE((*shortlived)->run([&event] { event.wait(); }));
    shortlived->reset();
    thread.join();
  }
}

TEST_P(AnyWaitTest, AThreadInABlockingCallWaitsAsAPlainOne) {
  Event event;
  run([&] {
    ASSERT_TRUE(spawn([&event] { event.set(); }));
    blocking([&event] { event.wait(); });
  });
}

TEST(AnyWaitOnThreads, ADeadlineEndsAWait) {
  AnyWait wait(WaitReason::none);
  const os::Nanoseconds until_ns = wait.now_ns() + os::ns_per_ms;
  wait.end_at(no_deadline);
  wait.end_at(until_ns);
  wait.end_at(until_ns + 3600 * os::ns_per_s);
  const Waker waker = wait.waker();
  wait.park();
  EXPECT_GE(os::monotonic_ns(), until_ns);
  EXPECT_FALSE(waker.wake());
}

TEST(AnyWaitOnThreads, AContextEndsAWait) {
  const CancelSource source;
  std::thread thread([&source] { source.cancel(); });
  source.context().wait();
  EXPECT_EQ(source.context().error(), ECANCELED);
  thread.join();
  AnyWait late(WaitReason::none);
  EXPECT_FALSE(late.end_on(source.context()));
  late.cancel();
}

TEST(AnyWaitOnThreads, ADeadlineOfAContextEndsAWait) {
  const auto source = CancelSource::with_timeout(os::ns_per_ms);
  source.context().wait();
  EXPECT_EQ(source.context().error(), ETIMEDOUT);
}

// The record is the same, the wait is another.
TEST(AnyWaitOnThreads, ALateWakerEndsNoOtherWait) {
  Waker old;
  {
    AnyWait wait(WaitReason::none);
    old = wait.waker();
    EXPECT_TRUE(old.wake());
    wait.park();  // at once: it was woken before
  }
  AnyWait wait(WaitReason::none);
  EXPECT_FALSE(old.wake());
  const Waker waker = wait.waker();
  EXPECT_TRUE(waker.wake());
  EXPECT_FALSE(waker.wake());
  wait.park();
}

}  // namespace
}  // namespace c1m::runtime
