// Every signal is an edge, although nobody reads the counter.
#include "os/wake_event.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <thread>

#include <gtest/gtest.h>

#include "os/poller.hpp"

namespace c1m::os {
namespace {

TEST(WakeEvent, EverySignalIsOneEdge) {
  auto poller = Poller::create();
  auto event = WakeEvent::create();
  ASSERT_TRUE(poller && event);
  ASSERT_TRUE(poller->add(event->descriptor(), EPOLLIN | EPOLLET, 42));
  std::array<epoll_event, 4> events{};
  EXPECT_EQ(poller->wait(events, 0), 0);
  for (int round = 0; round < 3; ++round) {
    event->signal();
    EXPECT_EQ(poller->wait(events, 0), 1);
    EXPECT_EQ(std::uint64_t{events[0].data.u64}, 42U);
    EXPECT_EQ(poller->wait(events, 0), 0);
  }
}

TEST(WakeEvent, WhoWaitsIsLetOnAndStaysSo) {
  auto event = WakeEvent::create();
  ASSERT_TRUE(event);
  std::atomic<bool> signalled = false;
  std::jthread signals([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    signalled = true;
    event->signal();
  });
  event->wait();
  EXPECT_TRUE(signalled);
  event->wait();
}

}  // namespace
}  // namespace c1m::os
