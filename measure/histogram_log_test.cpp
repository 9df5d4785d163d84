// The text formats, against text that was laid out by hand. That other implementations read and
// write the same is tested in histogram_oracle_test.py.
#include "measure/histogram_log.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "measure/histogram_codec.hpp"

namespace c1m::measure {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

Histogram three_values() {
  Histogram histogram;
  for (const int value : {0, 7, 5000}) histogram.record(value);
  return histogram;
}

TEST(PercentileTable, HasTheColumnsAndFooterOfThePublicTool) {
  EXPECT_EQ(percentile_table(three_values(), 1, 1),
            "       Value     Percentile TotalCount 1/(1-Percentile)\n"
            "\n"
            "       0.000 0.000000000000          1           1.00\n"
            "       7.000 0.500000000000          2           2.00\n"
            "    5003.000 0.750000000000          3           4.00\n"
            "    5003.000 1.000000000000          3\n"
            "#[Mean    =     1669.667, StdDeviation   =     2356.317]\n"
            "#[Max     =     5003.000, Total count    =            3]\n"
            "#[Buckets =           32, SubBuckets     =         2048]\n");
}

TEST(PercentileTable, DividesEveryValueByTheRatio) {
  const std::string text = percentile_table(three_values(), 1000, 1);
  EXPECT_THAT(text, HasSubstr("       0.007 0.500000000000          2           2.00\n"));
  EXPECT_THAT(text, HasSubstr("       5.003 1.000000000000          3\n"));
  EXPECT_THAT(text, HasSubstr("#[Mean    =        1.670, StdDeviation   =        2.356]\n"));
  EXPECT_THAT(text, HasSubstr("#[Max     =        5.003, Total count    =            3]\n"));
}

TEST(PercentileTable, EmptyHistogramHasNoRows) {
  EXPECT_EQ(percentile_table(Histogram(), 1),
            "       Value     Percentile TotalCount 1/(1-Percentile)\n"
            "\n"
            "#[Mean    =        0.000, StdDeviation   =        0.000]\n"
            "#[Max     =        0.000, Total count    =            0]\n"
            "#[Buckets =           32, SubBuckets     =         2048]\n");
}

TEST(IntervalLog, HeaderSaysTheFormatAndTheStart) {
  EXPECT_EQ(interval_log_header("c1m-load\nresponse time, ns", 1'700'000'000'123'999'999),
            "#c1m-load\n"
            "#response time, ns\n"
            "#[Histogram log format version 1.3]\n"
            "#[StartTime: 1700000000.123 (seconds since epoch), 2023-11-14T22:13:20.123Z]\n"
            "#[BaseTime: 1700000000.123 (seconds since epoch)]\n"
            "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_"
            "Histogram\"\n");
  EXPECT_THAT(interval_log_header("", 0), StartsWith("#[Histogram log format version 1.3]\n"));
  EXPECT_THAT(interval_log_header("", 5'000'000), HasSubstr("#[BaseTime: 0.005 ("));
}

TEST(IntervalLog, RowHasSecondsMillisecondsAndTheHistogram) {
  Histogram histogram;
  histogram.record(2'000'000);
  const Interval interval{.start_ns = 61'500'000'000, .length_ns = 1'000'400'000};
  const std::string encoded = encode_v2_base64(histogram);
  EXPECT_EQ(interval_log_row(histogram, interval), "61.500,1.000,2.001," + encoded + "\n");
  EXPECT_EQ(interval_log_row(histogram, interval, "response"),
            "Tag=response,61.500,1.000,2.001," + encoded + "\n");
}

TEST(IntervalLogDeathTest, ProgrammerErrorsAbort) {
  const Histogram histogram;
  for (const char* tag : {"a,b", "a b", "a\nb", "a\tb"}) {
    EXPECT_DEATH((void)interval_log_row(histogram, {}, tag), "no comma");
  }
  EXPECT_DEATH((void)interval_log_row(histogram, {.start_ns = -1, .length_ns = 0}),
               "within its log");
  EXPECT_DEATH((void)interval_log_row(histogram, {.start_ns = 0, .length_ns = -1}),
               "within its log");
  EXPECT_DEATH((void)percentile_table(histogram, 0), "positive");
}

}  // namespace
}  // namespace c1m::measure
