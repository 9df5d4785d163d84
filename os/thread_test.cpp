// Threads with a chosen stack: they run, they get the stack they asked for, and refusals are
// values.
#include "os/thread.hpp"

#include <pthread.h>
#include <sys/prctl.h>

#include <cerrno>
#include <future>
#include <memory>

#include <gtest/gtest.h>

namespace c1m::os {
namespace {

std::size_t own_stack_bytes() {
  pthread_attr_t attributes;
  std::size_t bytes = 0;
  if (::pthread_getattr_np(::pthread_self(), &attributes) == 0) {
    ::pthread_attr_getstacksize(&attributes, &bytes);
    ::pthread_attr_destroy(&attributes);
  }
  return bytes;
}

TEST(Thread, RunsItsBodyWithTheStackThatWasAskedFor) {
  std::promise<std::size_t> stack;
  constexpr std::size_t wanted = 256 * 1024;
  const auto started =
      start_detached_thread(wanted, [&stack] { stack.set_value(own_stack_bytes()); });
  ASSERT_TRUE(started) << describe(started.error());
  EXPECT_EQ(stack.get_future().get(), wanted);
}

TEST(Thread, RoundsTheStackUpToAPage) {
  std::promise<std::size_t> stack;
  const auto started =
      start_detached_thread(256 * 1024 + 1, [&stack] { stack.set_value(own_stack_bytes()); });
  ASSERT_TRUE(started) << describe(started.error());
  EXPECT_EQ(stack.get_future().get(), 256U * 1024U + 4096U);
}

TEST(Thread, DestroysItsBodyAtTheEnd) {
  auto owned = std::make_unique<std::promise<void>>();
  auto done = owned->get_future();
  // The promise lives in the body only; the broken promise tells of its destruction.
  ASSERT_TRUE(start_detached_thread(256 * 1024, [promise = std::move(owned)] {}));
  EXPECT_THROW(done.get(), std::future_error);
}

TEST(Thread, BelowTheMinimumIsRefusedAndTheBodyDoesNotRun) {
  EXPECT_GT(thread_stack_bytes_min(), 0U);
  bool ran = false;
  const auto started = start_detached_thread(0, [&ran] { ran = true; });
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, EINVAL);
  EXPECT_FALSE(ran);
}

TEST(Thread, AStackThatCannotBeMappedIsRefused) {
  const auto started = start_detached_thread(std::size_t{1} << 60U, [] {});
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, EAGAIN);
}

TEST(Thread, SetsTheTimerSlackOfTheCallingThread) {
  // In a thread of its own, so that the test's own waits keep the default.
  std::promise<int> slack_ns;
  const auto started = start_detached_thread(256 * 1024, [&slack_ns] {
    const auto set = set_timer_slack(1);
    slack_ns.set_value(set ? ::prctl(PR_GET_TIMERSLACK) : -1);
  });
  ASSERT_TRUE(started) << describe(started.error());
  EXPECT_EQ(slack_ns.get_future().get(), 1);
}

TEST(Thread, ExactWaitsGiveTheSlackBack) {
  const int before = ::prctl(PR_GET_TIMERSLACK);
  ASSERT_NE(before, 1) << "the test's thread has the default";
  {
    const ExactWaits exact;
    EXPECT_EQ(::prctl(PR_GET_TIMERSLACK), 1);
    {
      const ExactWaits nested;
    }
    EXPECT_EQ(::prctl(PR_GET_TIMERSLACK), 1);
  }
  EXPECT_EQ(::prctl(PR_GET_TIMERSLACK), before);
}

}  // namespace
}  // namespace c1m::os
