// Workers of a shard: each runs once, and one that fails stops the shard.
#include "servers/app/worker_threads.hpp"

#include <array>
#include <atomic>
#include <thread>

#include <gtest/gtest.h>

#include "os/poller.hpp"
#include "os/process.hpp"

namespace c1m::servers::app {
namespace {

TEST(RunWorkers, RunsEachOnceAndTheFirstHere) {
  std::array<std::atomic<int>, 3> runs{};
  std::thread::id first;
  const auto result = run_workers(3, [&](unsigned index) -> os::Result<void> {
    ++runs[index];
    if (index == 0) first = std::this_thread::get_id();
    return {};
  });
  EXPECT_TRUE(result);
  for (const auto& count : runs) EXPECT_EQ(count, 1);
  EXPECT_EQ(first, std::this_thread::get_id());
}

// In a process of its own, because a failing worker sends SIGTERM to the whole process.
TEST(RunWorkers, AFailingWorkerStopsTheOthers) {
  auto child = os::fork_child([] {
    const auto stop = os::signal_descriptor({SIGTERM});
    if (!stop) return 10;
    const auto result = run_workers(2, [&stop](unsigned index) -> os::Result<void> {
      if (index == 1) return os::fail(ENOSPC, "work");
      auto poller = os::Poller::create();
      if (!poller || !poller->add(stop->get(), EPOLLIN, 0)) return os::fail(EIO, "poll");
      std::array<epoll_event, 1> events{};
      return *poller->wait(events, -1) == 1 ? os::Result<void>{} : os::fail(EIO, "wait");
    });
    if (result) return 11;
    return result.error() == os::Error{ENOSPC, "work"} ? 0 : 12;
  });
  ASSERT_TRUE(child);
  const auto status = child->wait();
  ASSERT_TRUE(status);
  EXPECT_TRUE(status->success()) << os::describe(*status) << "; 10-12 say which step failed";
}

}  // namespace
}  // namespace c1m::servers::app
