// Children and signals: how a child ends is told exactly, and a child never outlives its parent.
#include "os/process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <stdexcept>

#include <gtest/gtest.h>

#include "os/clock.hpp"

namespace c1m::os {
namespace {

// Blocks until `fd` is readable; the bound only keeps a broken test from hanging.
bool becomes_readable(int fd) {
  pollfd wanted{.fd = fd, .events = POLLIN, .revents = 0};
  return ::poll(&wanted, 1, 30'000) == 1;
}

int sleep_until_killed() {
  while (true) ::pause();
}

TEST(ExitStatus, IsDescribedInWords) {
  EXPECT_EQ(describe(ExitStatus{.exit_code = 3}), "exited with code 3");
  EXPECT_EQ(describe(ExitStatus{.signal_number = SIGKILL}), "was killed by signal 9 (SIGKILL)");
}

TEST(ExitStatus, SucceedsOnlyWithCodeZeroAndNoSignal) {
  EXPECT_TRUE(ExitStatus{}.success());
  EXPECT_FALSE(ExitStatus{.exit_code = 1}.success());
  EXPECT_FALSE(ExitStatus{.signal_number = SIGTERM}.success());
}

class ExitCodeIsHandedOver : public testing::TestWithParam<int> {};

TEST_P(ExitCodeIsHandedOver, FromBodyToWait) {
  auto child = fork_child([] { return GetParam(); });
  ASSERT_TRUE(child) << describe(child.error());
  EXPECT_NE(child->pid(), ::getpid());
  ASSERT_TRUE(becomes_readable(child->pidfd()));
  const auto status = child->wait();
  ASSERT_TRUE(status);
  EXPECT_EQ(status->exit_code, GetParam());
  EXPECT_EQ(status->signal_number, 0);
}

INSTANTIATE_TEST_SUITE_P(Codes, ExitCodeIsHandedOver, testing::Values(0, 1, 4, 130, 255));

TEST(ChildProcess, EndsBySignalAndSaysWhich) {
  auto child = fork_child(sleep_until_killed);
  ASSERT_TRUE(child);
  pollfd still_running{.fd = child->pidfd(), .events = POLLIN, .revents = 0};
  EXPECT_EQ(::poll(&still_running, 1, 0), 0);
  ASSERT_TRUE(child->signal(SIGTERM));
  ASSERT_TRUE(becomes_readable(child->pidfd()));
  const auto status = child->wait();
  ASSERT_TRUE(status);
  EXPECT_EQ(status->signal_number, SIGTERM);
}

TEST(ChildProcess, SignallingOrWaitingAfterTheEndIsAnError) {
  auto child = fork_child([] { return 0; });
  ASSERT_TRUE(child);
  ASSERT_TRUE(child->wait());
  EXPECT_EQ(child->signal(SIGTERM).error().code, ESRCH);
  EXPECT_EQ(child->wait().error().code, ECHILD);
}

TEST(ChildProcess, AnExceptionInTheBodyEndsTheChildAndNotItsParent) {
  auto child = fork_child([] -> int { throw std::runtime_error("from the test"); });
  ASSERT_TRUE(child);
  const auto status = child->wait();
  ASSERT_TRUE(status);
  EXPECT_EQ(status->signal_number, SIGABRT);
}

// Runs in the child: 0 when mask and actions are as the contract says.
int inspect_signals() {
  sigset_t mask;
  if (::sigprocmask(SIG_SETMASK, nullptr, &mask) != 0) return 10;
  for (const int number : {SIGINT, SIGTERM, SIGUSR1}) {
    if (sigismember(&mask, number) != 0) return 11;
  }
  struct sigaction action{};
  ::sigaction(SIGUSR1, nullptr, &action);
  if (action.sa_handler != SIG_DFL) return 12;
  ::sigaction(SIGPIPE, nullptr, &action);
  return action.sa_handler == SIG_IGN ? 0 : 13;
}

TEST(ChildProcess, StartsWithEmptyMaskAndDefaultActions) {
  // The parent is itself a child, so that the test program's own signals stay as they are.
  auto parent = fork_child([] {
    const auto blocked = signal_descriptor({SIGINT, SIGTERM, SIGUSR1});
    std::signal(SIGUSR1, SIG_IGN);
    auto child = fork_child(inspect_signals);
    if (!blocked || !child) return 1;
    return child->wait().value_or(ExitStatus{.exit_code = 2}).exit_code;
  });
  ASSERT_TRUE(parent);
  EXPECT_EQ(parent->wait()->exit_code, 0);
}

TEST(ChildProcess, DiesWithItsParent) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  const Descriptor reader(ends[0]);
  Descriptor writer(ends[1]);
  auto parent = fork_child([&] {
    auto grandchild =
        fork_child([&] { return ::write(writer.get(), "!", 1) == 1 ? sleep_until_killed() : 1; });
    return grandchild ? sleep_until_killed() : 1;
  });
  ASSERT_TRUE(parent);
  char byte = 0;
  ASSERT_EQ(::read(reader.get(), &byte, 1), 1) << "the grandchild lives";
  ASSERT_TRUE(parent->signal(SIGKILL));
  ASSERT_TRUE(parent->wait());
  // The grandchild inherited the pipe; its end is seen as the end of the pipe.
  writer.reset();
  ASSERT_TRUE(becomes_readable(reader.get()));
  EXPECT_EQ(::read(reader.get(), &byte, 1), 0);
}

TEST(Pipe, CarriesBytesAndThenTheEnd) {
  auto pipe = make_pipe();
  ASSERT_TRUE(pipe);
  ASSERT_EQ(::write(pipe->write_end.get(), "!", 1), 1);
  pipe->write_end.reset();
  char byte = 0;
  EXPECT_EQ(::read(pipe->read_end.get(), &byte, 1), 1);
  EXPECT_EQ(byte, '!');
  EXPECT_EQ(::read(pipe->read_end.get(), &byte, 1), 0);
}

TEST(CloseDescriptorsExcept, LeavesTheStandardStreamsAndTheKeptOne) {
  auto child = fork_child([] {
    const Descriptor low(::dup(STDERR_FILENO));
    const Descriptor kept(::dup(STDERR_FILENO));
    const Descriptor high(::fcntl(STDERR_FILENO, F_DUPFD, 500));
    const auto is_open = [](int fd) { return ::fcntl(fd, F_GETFD) != -1; };
    if (!is_open(low.get()) || !is_open(kept.get()) || !is_open(high.get())) return 10;
    if (!close_descriptors_except(kept.get())) return 11;
    if (is_open(low.get()) || is_open(high.get())) return 12;
    if (!is_open(kept.get())) return 13;
    if (!is_open(STDIN_FILENO) || !is_open(STDOUT_FILENO) || !is_open(STDERR_FILENO)) return 14;
    // With nothing between the standard streams and the kept one.
    const int third = STDERR_FILENO + 1;
    if (kept.get() != third && ::dup2(kept.get(), third) != third) return 15;
    if (!close_descriptors_except(third)) return 16;
    return is_open(third) ? 0 : 17;
  });
  ASSERT_TRUE(child);
  const auto status = child->wait();
  ASSERT_TRUE(status);
  EXPECT_TRUE(status->success()) << describe(*status) << "; 10-17 say which step failed";
}

TEST(SignalDescriptor, DeliversBlockedSignalsOneByOne) {
  auto child = fork_child([] {
    const auto signals = signal_descriptor({SIGINT, SIGTERM});
    if (!signals) return 10;
    if (read_signal(signals->get()).error().code != EAGAIN) return 11;
    ::raise(SIGTERM);
    if (!becomes_readable(signals->get())) return 12;
    if (read_signal(signals->get()) != SIGTERM) return 13;
    return read_signal(signals->get()).error().code == EAGAIN ? 0 : 14;
  });
  ASSERT_TRUE(child);
  const auto status = child->wait();
  ASSERT_TRUE(status);
  EXPECT_TRUE(status->success()) << describe(*status) << "; 10-14 say which step failed";
}

TEST(IntervalTimer, CountsIntervalsAndThenNone) {
  const auto timer = interval_timer(ns_per_ms);
  ASSERT_TRUE(timer);
  const Nanoseconds start = monotonic_ns();
  unsigned long intervals = 0;
  while (intervals < 5) {
    ASSERT_TRUE(becomes_readable(timer->get()));
    const auto passed = read_timer(timer->get());
    ASSERT_TRUE(passed);
    intervals += *passed;
  }
  EXPECT_GE(monotonic_ns() - start, 4 * ns_per_ms) << "a timer never runs fast";
}

TEST(IntervalTimer, ReadsZeroBeforeTheFirstInterval) {
  const auto timer = interval_timer(3600 * ns_per_s);
  ASSERT_TRUE(timer);
  EXPECT_EQ(read_timer(timer->get()), 0U);
}

TEST(IntervalTimer, ReadingSomethingElseIsAnError) {
  EXPECT_EQ(read_timer(-1).error().code, EBADF);
  EXPECT_EQ(interval_timer(-1).error().code, EINVAL);
}

}  // namespace
}  // namespace c1m::os
