// What /proc/self/status says of memory, and what it may say instead.
#include "measure/process_memory.hpp"

#include <gtest/gtest.h>

namespace c1m::measure {
namespace {

TEST(ProcessMemory, ReadsTheLinesOfTheKernelInBytes) {
  const ProcessMemory memory = parse_process_memory(
      "Name:\tVmRSS: 1 kB\nVmHWM:\t    9000 kB\nVmRSS:\t    4832 kB\nRssAnon:\t 12 kB\n"
      "VmPTE:\t      52 kB\nThreads:\t1\n");
  EXPECT_EQ(memory.rss_bytes, 4832U * 1024);
  EXPECT_EQ(memory.page_table_bytes, 52U * 1024);
}

TEST(ProcessMemory, WhatIsMissingOrNotInKibibytesIsEmpty) {
  EXPECT_FALSE(parse_process_memory("").rss_bytes);
  EXPECT_FALSE(parse_process_memory("\nVmRSS:").rss_bytes);
  EXPECT_FALSE(parse_process_memory("\nVmRSS:\t many kB\n").rss_bytes);
  EXPECT_FALSE(parse_process_memory("\nVmRSS:\t 12 MB\n").rss_bytes);
  EXPECT_FALSE(parse_process_memory("\nVmRSS:\t 12 kB\n").page_table_bytes);
}

TEST(ProcessMemory, ThisProcessHasSome) {
  const ProcessMemory memory = read_process_memory();
  ASSERT_TRUE(memory.rss_bytes);
  EXPECT_GT(*memory.rss_bytes, 100'000U);
  ASSERT_TRUE(memory.page_table_bytes);
  EXPECT_GT(*memory.page_table_bytes, 0U);
}

}  // namespace
}  // namespace c1m::measure
