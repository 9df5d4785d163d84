// Histograms as text that other tools read: the `.hgrm` percentile table, which HdrHistogram's
// plotter draws, and the rows of an interval log, which HistogramLogReader (Java, C, Python) and
// HistogramLogAnalyzer read.
//
// Threads: pure functions. Not here: files; os::LineLog and os::write_file_atomically write the
// text.
#pragma once

#include <string>
#include <string_view>

#include "measure/histogram.hpp"
#include "os/clock.hpp"

namespace c1m::measure {

// The percentile table with the columns Value, Percentile (0..1), TotalCount, 1/(1-Percentile), and
// the footer with mean, deviation, max, count and the number of buckets. Values are divided by
// `value_unit_ratio` (> 0): 1000 shows recorded nanoseconds as microseconds. The format is that of
// the Java implementation; the steps are those of Histogram::percentile_steps().
[[nodiscard]] std::string percentile_table(const Histogram& histogram, double value_unit_ratio,
                                           unsigned ticks_per_half_distance = 5);

// The first lines of an interval log, format 1.3: `comment` (each of its lines behind '#'), the
// format, the time from which the rows count (CLOCK_REALTIME, whole milliseconds of it), and the
// names of the columns.
[[nodiscard]] std::string interval_log_header(std::string_view comment,
                                              os::Nanoseconds start_realtime_ns);

// When an interval began, from the start time in the header, and how long it was. Neither is
// negative.
struct Interval {
  os::Nanoseconds start_ns = 0;
  os::Nanoseconds length_ns = 0;
};

// One row, with its newline: start and length in seconds, the interval's largest value in
// milliseconds (of recorded nanoseconds), and the histogram as encode_v2_base64() gives it. A `tag`
// tells apart the histograms of one log; it has no comma and no white space, and none is written
// when it is empty.
[[nodiscard]] std::string interval_log_row(const Histogram& histogram, Interval interval,
                                           std::string_view tag = {});

}  // namespace c1m::measure
