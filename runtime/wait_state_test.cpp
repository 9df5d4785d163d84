// The two words in which a waiter and its wakers meet: no wake is lost, none counts twice, none
// that is late counts at all.
#include "runtime/wait_state.hpp"

#include <thread>

#include <gtest/gtest.h>

#include "runtime/poll_word.hpp"

namespace c1m::runtime {
namespace {

TEST(WaitState, AParkedCoroutineIsWokenOnce) {
  WaitState wait;
  wait.set(CoroutineState::running);
  const std::uint32_t epoch = wait.epoch();
  ASSERT_TRUE(wait.park());
  EXPECT_EQ(wait.state(), CoroutineState::waiting);
  EXPECT_EQ(wait.wake(epoch), WakeResult::runnable);
  EXPECT_EQ(wait.state(), CoroutineState::runnable);
  EXPECT_EQ(wait.wake(epoch), WakeResult::stale);
  EXPECT_EQ(wait.epoch(), epoch + 1);
}

TEST(WaitState, AWakeBeforeParkingMakesItRunOn) {
  WaitState wait;
  wait.set(CoroutineState::running);
  const std::uint32_t epoch = wait.epoch();
  EXPECT_EQ(wait.wake(epoch), WakeResult::notified);
  EXPECT_EQ(wait.wake(epoch), WakeResult::stale) << "the second of two sources";
  EXPECT_FALSE(wait.park());
  EXPECT_EQ(wait.state(), CoroutineState::running);
  EXPECT_EQ(wait.wake(epoch), WakeResult::stale);
}

TEST(WaitState, WakesOfACancelledWaitAreStale) {
  WaitState wait;
  wait.set(CoroutineState::running);
  const std::uint32_t epoch = wait.epoch();
  wait.cancel_wait();
  EXPECT_EQ(wait.wake(epoch), WakeResult::stale);
  EXPECT_TRUE(wait.park()) << "and do not end the next wait";
  EXPECT_EQ(wait.wake(epoch), WakeResult::stale);
  EXPECT_EQ(wait.wake(epoch + 1), WakeResult::runnable);
}

TEST(WaitState, OnlyOneThatWaitsIsFrozen) {
  WaitState wait;
  EXPECT_FALSE(wait.begin_freeze());
  wait.set(CoroutineState::running);
  EXPECT_FALSE(wait.begin_freeze());
  ASSERT_TRUE(wait.park());
  const std::uint64_t waiting = wait.snapshot();
  EXPECT_TRUE(wait.begin_freeze());
  EXPECT_FALSE(wait.begin_freeze()) << "it is another's already";
  EXPECT_EQ(wait.snapshot(), waiting) << "to others it waits as before";
  EXPECT_TRUE(wait.end_freeze());
  EXPECT_EQ(wait.snapshot(), waiting);
  EXPECT_EQ(wait.wake(wait.epoch()), WakeResult::runnable);
}

TEST(WaitState, WhoFreezesQueuesTheOneThatIsWokenMeanwhile) {
  WaitState wait;
  wait.set(CoroutineState::running);
  const std::uint32_t epoch = wait.epoch();
  ASSERT_TRUE(wait.park());
  ASSERT_TRUE(wait.begin_freeze());
  EXPECT_EQ(wait.wake(epoch - 1), WakeResult::stale);
  EXPECT_EQ(wait.wake(epoch), WakeResult::notified);
  EXPECT_EQ(wait.wake(epoch), WakeResult::stale) << "the second of two sources";
  EXPECT_EQ(wait.state(), CoroutineState::runnable);
  EXPECT_FALSE(wait.end_freeze());
  EXPECT_EQ(wait.state(), CoroutineState::runnable);
  EXPECT_EQ(wait.epoch(), epoch + 1);
  EXPECT_EQ(wait.wake(epoch), WakeResult::stale);
}

TEST(WaitState, OfTwoRacingWakersOneWins) {
  constexpr int rounds = 5000;
  WaitState wait;
  std::atomic<std::uint32_t> wins = 0;
  std::atomic<int> round = 0;
  std::atomic<int> finished = 0;
  std::atomic<std::uint32_t> epoch = 0;
  const auto waker = [&] {
    for (int i = 1; i <= rounds; ++i) {
      while (round.load() < i) std::this_thread::yield();
      if (wait.wake(epoch.load()) != WakeResult::stale) wins.fetch_add(1);
      finished.fetch_add(1);
    }
  };
  std::thread one(waker);
  std::thread two(waker);
  for (int i = 1; i <= rounds; ++i) {
    wait.set(CoroutineState::running);
    epoch.store(wait.epoch());
    round.store(i);
    std::ignore = wait.park();
    while (finished.load() < 2 * i) std::this_thread::yield();
    ASSERT_NE(wait.state(), CoroutineState::waiting) << "a wake was lost";
    ASSERT_EQ(wait.epoch(), epoch.load() + 1);
  }
  one.join();
  two.join();
  EXPECT_EQ(wins.load(), static_cast<std::uint32_t>(rounds));
}

TEST(PollWord, AnEdgeBeforeTheWaitIsKept) {
  PollWord word;
  EXPECT_FALSE(word.consume_ready());
  EXPECT_FALSE(word.edge());
  EXPECT_FALSE(word.edge()) << "a second edge adds nothing";
  EXPECT_FALSE(word.publish({1, 0})) << "there is nothing to wait for";
  EXPECT_TRUE(word.consume_ready());
  EXPECT_FALSE(word.consume_ready());
}

TEST(PollWord, AnEdgeHandsTheWaiterOutAndIsKeptForIt) {
  PollWord word;
  ASSERT_TRUE(word.publish({3, 9}));
  const WakeToken waiter = word.edge();
  EXPECT_EQ(waiter.coroutine_index(), 3U);
  EXPECT_EQ(waiter.epoch(), 9U);
  word.retract();
  EXPECT_TRUE(word.consume_ready());
}

TEST(PollWord, AnInterruptionHandsTheWaiterOutWithoutAnEdge) {
  PollWord word;
  EXPECT_FALSE(word.interrupt());
  ASSERT_TRUE(word.publish({3, 9}));
  EXPECT_EQ(word.interrupt().bits(), (WakeToken{3, 9}.bits()));
  EXPECT_FALSE(word.interrupt());
  EXPECT_FALSE(word.consume_ready());
  word.edge();
  EXPECT_FALSE(word.interrupt()) << "an edge is not a waiter";
  EXPECT_TRUE(word.consume_ready()) << "and stays";
}

TEST(PollWord, ARetractedWaiterIsNotHandedOut) {
  PollWord word;
  ASSERT_TRUE(word.publish({3, 9}));
  word.retract();
  EXPECT_FALSE(word.edge());
  EXPECT_TRUE(word.consume_ready());
}

}  // namespace
}  // namespace c1m::runtime
