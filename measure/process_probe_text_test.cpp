// The /proc parsers on texts as the kernel writes them, odd process names and cut-off texts
// included.
#include "measure/process_probe_text.hpp"

#include <string>

#include <gtest/gtest.h>

namespace c1m::measure {
namespace {

// Fields 3 to 24 of a real line; 10: 777, 12: 5, 14: 1234, 15: 4321, 20: 17.
const std::string stat_tail =
    " S 1 6021 6021 0 -1 4194304 777 88 5 6 1234 4321 0 0 20 0 17 0 123456 226332672 2048 1844";

TEST(ParseProcessStat, ReadsTheFieldsByTheirNumbers) {
  const auto stat = parse_process_stat("6021 (c1m-uv)" + stat_tail);
  ASSERT_TRUE(stat);
  EXPECT_EQ(stat->page_faults_minor, 777U);
  EXPECT_EQ(stat->page_faults_major, 5U);
  EXPECT_EQ(stat->user_ticks, 1234U);
  EXPECT_EQ(stat->system_ticks, 4321U);
  EXPECT_EQ(stat->threads, 17U);
}

TEST(ParseProcessStat, IsNotMisledByTheProcessName) {
  for (const std::string name : {"a) b", "((", ") S 1 2 3", "two words", "line\nbreak", ""}) {
    std::string text = "6021 (";
    text.append(name).append(")").append(stat_tail);
    const auto stat = parse_process_stat(text);
    ASSERT_TRUE(stat) << name;
    EXPECT_EQ(stat->user_ticks, 1234U) << name;
    EXPECT_EQ(stat->threads, 17U) << name;
  }
}

TEST(ParseProcessStat, RefusesOtherTexts) {
  EXPECT_FALSE(parse_process_stat(""));
  EXPECT_FALSE(parse_process_stat("6021 (c1m-uv"));
  EXPECT_FALSE(parse_process_stat("6021 (c1m-uv) S 1 6021 6021 0 -1 4194304 777 88 5 6 1234 4321"));
  EXPECT_FALSE(parse_process_stat("6021 (c1m-uv) S 1 2 3 4 5 6 x 8 9 10 11 12 13 14 15 16 17 18"));
}

constexpr std::string_view rollup =
    "5601b5b53000-7ffef3541000 ---p 00000000 00:00 0                          [rollup]\n"
    "Rss:                1768 kB\n"
    "Pss:                 362 kB\n"
    "Pss_Dirty:           116 kB\n"
    "Pss_Anon:            117 kB\n"
    "Shared_Dirty:          3 kB\n"
    "Private_Clean:        80 kB\n"
    "Private_Dirty:       112 kB\n";

TEST(ParseMemoryRollup, ReadsKibibytes) {
  const auto memory = parse_memory_rollup(rollup);
  ASSERT_TRUE(memory);
  EXPECT_EQ(memory->rss_bytes, 1768U * 1024);
  EXPECT_EQ(memory->pss_bytes, 362U * 1024);
  EXPECT_EQ(memory->private_dirty_bytes, 112U * 1024);
}

TEST(ParseMemoryRollup, RefusesTextsWithoutItsLines) {
  EXPECT_FALSE(parse_memory_rollup(""));
  EXPECT_FALSE(parse_memory_rollup("Rss: 1 kB\nPss_Dirty: 1 kB\nPrivate_Dirty: 1 kB\n"));
}

TEST(ParseContextSwitches, DoesNotTakeOneLineForTheOther) {
  // The label of the first is the tail of the second's.
  const auto switches = parse_context_switches(
      "Name:\tc1m-uv\nThreads:\t3\nvoluntary_ctxt_switches:\t150\nnonvoluntary_ctxt_switches:"
      "\t545\n");
  ASSERT_TRUE(switches);
  EXPECT_EQ(switches->voluntary, 150U);
  EXPECT_EQ(switches->involuntary, 545U);
  EXPECT_FALSE(parse_context_switches("nonvoluntary_ctxt_switches:\t545\n"));
  EXPECT_FALSE(parse_context_switches(""));
}

TEST(ParseRunQueueDelay, IsTheSecondNumber) {
  EXPECT_EQ(parse_run_queue_delay("1234567 89012 345\n"), 89'012U);
  EXPECT_EQ(parse_run_queue_delay("0 0 0\n"), 0U);
  EXPECT_FALSE(parse_run_queue_delay("1234567\n"));
  EXPECT_FALSE(parse_run_queue_delay(""));
}

}  // namespace
}  // namespace c1m::measure
