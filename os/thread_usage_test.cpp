// What a thread did shows in its own figures, and in no other thread's.
#include "os/thread_usage.hpp"

#include <sys/mman.h>

#include <cstddef>
#include <thread>

#include <gtest/gtest.h>

#include "os/address_space.hpp"

namespace c1m::os {
namespace {

TEST(ThreadUsage, CpuTimeGrowsWhileTheThreadRuns) {
  ThreadUsageReader reader;
  const auto before = reader.read();
  ASSERT_TRUE(before) << describe(before.error());
  auto after = before;
  // Until it shows, which the tests' own time limit bounds.
  while (after && after->cpu_ns - before->cpu_ns < 20 * ns_per_ms) after = reader.read();
  ASSERT_TRUE(after) << describe(after.error());
  EXPECT_GE((*after - *before).cpu_ns, 20 * ns_per_ms);
}

TEST(ThreadUsage, TouchedPagesAreMinorFaults) {
  constexpr std::size_t pages = 64;
  auto space = AddressSpace::reserve(pages * page_bytes());
  ASSERT_TRUE(space);
  ThreadUsageReader reader;
  const auto before = reader.read();
  for (std::size_t page = 0; page < pages; ++page)
    *const_cast<volatile std::byte*>(space->data() + page * page_bytes()) = std::byte{1};
  const auto after = reader.read();
  ASSERT_TRUE(before && after);
  EXPECT_GE((*after - *before).page_faults_minor, pages);
}

TEST(ThreadUsage, AReaderThatChangesThreadsReadsTheNewOne) {
  ThreadUsageReader reader;
  auto here = reader.read();
  while (here && here->cpu_ns < 20 * ns_per_ms) here = reader.read();
  ASSERT_TRUE(here);
  Nanoseconds there_ns = 0;
  std::thread([&] {
    // The kernel accounts for a running thread at its next tick.
    for (auto there = reader.read(); there && there_ns == 0; there = reader.read()) {
      there_ns = there->cpu_ns;
    }
  }).join();
  EXPECT_LT(there_ns, here->cpu_ns) << "a thread that has just begun";
}

}  // namespace
}  // namespace c1m::os
