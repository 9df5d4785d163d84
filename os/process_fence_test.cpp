// Dekker's pattern with the fence on one side only: of a thread that stores and then loads, often,
// and one that stores, calls process_fence() and loads, at least one sees the other's store.
#include "os/process_fence.hpp"

#include <atomic>
#include <thread>

#include <gtest/gtest.h>

namespace c1m::os {
namespace {

TEST(ProcessFence, OrdersTheOtherThreadsStoresBeforeTheirLoads) {
  if (!prepare_process_fence()) GTEST_SKIP() << "the kernel has no membarrier(2), or forbids it";
  constexpr int rounds = 20'000;
  std::atomic<int> frequent{0};
  std::atomic<int> seldom{0};
  std::atomic<int> frequent_saw{-1};
  std::atomic<int> go{0};
  std::atomic<int> done{0};
  std::thread other([&] {
    for (int round = 1; round <= rounds; ++round) {
      while (go.load(std::memory_order_acquire) != round) {
      }
      frequent.store(round, std::memory_order_relaxed);
      std::atomic_signal_fence(std::memory_order_seq_cst);  // the compiler keeps the order
      frequent_saw.store(seldom.load(std::memory_order_relaxed), std::memory_order_relaxed);
      done.store(round, std::memory_order_release);
    }
  });
  int missed_both = 0;
  for (int round = 1; round <= rounds; ++round) {
    go.store(round, std::memory_order_release);
    seldom.store(round, std::memory_order_relaxed);
    process_fence();
    const int saw = frequent.load(std::memory_order_relaxed);
    while (done.load(std::memory_order_acquire) != round) {
    }
    if (saw != round && frequent_saw.load(std::memory_order_relaxed) != round) ++missed_both;
  }
  other.join();
  EXPECT_EQ(missed_both, 0);
}

}  // namespace
}  // namespace c1m::os
