// epoll: tags come back, timeouts end, a signal is not an error, and misuse is.
#include "os/poller.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <thread>

#include <gtest/gtest.h>

namespace c1m::os {
namespace {

class PollerTest : public testing::Test {
 protected:
  void SetUp() override {
    auto made = Poller::create();
    ASSERT_TRUE(made) << describe(made.error());
    poller_ = std::move(*made);
  }

  static Descriptor make_event(unsigned value) {
    return Descriptor(::eventfd(value, EFD_CLOEXEC | EFD_NONBLOCK));
  }

  std::array<epoll_event, 4> events_{};
  Poller poller_ = std::move(*Poller::create());
};

TEST_F(PollerTest, GivesBackTheTagOfWhatIsReady) {
  const Descriptor ready = make_event(1);
  const Descriptor idle = make_event(0);
  constexpr std::uint64_t tag = 0xfedc'ba98'7654'3210;
  ASSERT_TRUE(poller_.add(ready.get(), EPOLLIN, tag));
  ASSERT_TRUE(poller_.add(idle.get(), EPOLLIN, 7));
  ASSERT_EQ(poller_.wait(events_, -1), 1);
  EXPECT_EQ(std::uint64_t{events_[0].data.u64}, tag);
  EXPECT_EQ(events_[0].events, std::uint32_t{EPOLLIN});
}

TEST_F(PollerTest, FillsAtMostTheCallersSpan) {
  std::array<Descriptor, 6> ready;
  for (std::size_t i = 0; i < ready.size(); ++i) {
    ready[i] = make_event(1);
    ASSERT_TRUE(poller_.add(ready[i].get(), EPOLLIN | EPOLLET, i));
  }
  EXPECT_EQ(poller_.wait(events_, 0), 4);
  EXPECT_EQ(poller_.wait(events_, 0), 2) << "the rest, edge triggered";
  EXPECT_EQ(poller_.wait(events_, 0), 0);
}

TEST_F(PollerTest, WaitIsNeverShorterThanItsTimeout) {
  for (const Nanoseconds timeout_ns : {Nanoseconds{1}, 100 * ns_per_us, ns_per_ms + 1}) {
    const Nanoseconds start = monotonic_ns();
    EXPECT_EQ(poller_.wait(events_, timeout_ns), 0);
    EXPECT_GE(monotonic_ns() - start, timeout_ns);
  }
}

TEST_F(PollerTest, ZeroTimeoutOnlyLooks) {
  EXPECT_EQ(poller_.wait(events_, 0), 0);
  const Descriptor ready = make_event(1);
  ASSERT_TRUE(poller_.add(ready.get(), EPOLLIN, 1));
  EXPECT_EQ(poller_.wait(events_, 0), 1);
}

TEST_F(PollerTest, ModifyChangesEventsAndTag) {
  const Descriptor event = make_event(1);
  ASSERT_TRUE(poller_.add(event.get(), EPOLLIN, 1));
  ASSERT_TRUE(poller_.modify(event.get(), EPOLLOUT, 2));
  ASSERT_EQ(poller_.wait(events_, 0), 1);
  EXPECT_EQ(events_[0].events, std::uint32_t{EPOLLOUT});
  EXPECT_EQ(std::uint64_t{events_[0].data.u64}, 2U);
}

TEST_F(PollerTest, RemovedDescriptorsAreSilent) {
  const Descriptor event = make_event(1);
  ASSERT_TRUE(poller_.add(event.get(), EPOLLIN, 1));
  ASSERT_TRUE(poller_.remove(event.get()));
  EXPECT_EQ(poller_.wait(events_, 0), 0);
}

TEST_F(PollerTest, MisuseNamesTheOperation) {
  const Descriptor event = make_event(0);
  ASSERT_TRUE(poller_.add(event.get(), EPOLLIN, 1));
  EXPECT_EQ(describe(poller_.add(event.get(), EPOLLIN, 1).error()),
            "epoll_ctl(ADD): File exists (EEXIST)");
  const Descriptor other = make_event(0);
  EXPECT_EQ(describe(poller_.modify(other.get(), EPOLLIN, 1).error()),
            "epoll_ctl(MOD): No such file or directory (ENOENT)");
  EXPECT_EQ(describe(poller_.remove(other.get()).error()),
            "epoll_ctl(DEL): No such file or directory (ENOENT)");
}

void ignore_signal(int) {}

TEST_F(PollerTest, ASignalEndsTheWaitWithNoEvents) {
  struct sigaction action{};
  action.sa_handler = ignore_signal;
  struct sigaction before{};
  ASSERT_EQ(::sigaction(SIGUSR1, &action, &before), 0);
  std::atomic<bool> returned = false;
  const pthread_t waiter = ::pthread_self();
  // Repeats, because the first signal may come before the wait has begun.
  std::thread sender([&] {
    while (!returned.load()) {
      ::pthread_kill(waiter, SIGUSR1);
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  });
  const auto interrupted = poller_.wait(events_, -1);
  returned.store(true);
  sender.join();
  EXPECT_EQ(::sigaction(SIGUSR1, &before, nullptr), 0);
  EXPECT_EQ(interrupted, 0);
}

}  // namespace
}  // namespace c1m::os
