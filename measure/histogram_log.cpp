// The text formats of histogram_log.hpp.
#include "measure/histogram_log.hpp"

#include <iterator>

#include <fmt/format.h>

#include "measure/histogram_codec.hpp"

namespace c1m::measure {
namespace {

double to_seconds(os::Nanoseconds time_ns) {
  return static_cast<double>(time_ns) / static_cast<double>(os::ns_per_s);
}

// Seconds with the three decimals that the format has, cut off rather than rounded, as every reader
// of StartTime and BaseTime gets the same start then.
std::string milliseconds_text(os::Nanoseconds realtime_ns) {
  const os::Nanoseconds time_ms = realtime_ns / os::ns_per_ms;
  return fmt::format("{}.{:03d}", time_ms / 1000, time_ms % 1000);
}

}  // namespace

std::string percentile_table(const Histogram& histogram, double value_unit_ratio,
                             unsigned ticks_per_half_distance) {
  C1M_ASSERT(value_unit_ratio > 0, "the ratio of units is positive");
  std::string text = fmt::format("{:>12} {:>14} {:>10} {:>14}\n\n", "Value", "Percentile",
                                 "TotalCount", "1/(1-Percentile)");
  const auto output = std::back_inserter(text);
  for (const PercentileStep& step : histogram.percentile_steps(ticks_per_half_distance)) {
    const double fraction = step.percentile / 100;
    fmt::format_to(output, "{:12.3f} {:2.12f} {:10d}",
                   static_cast<double>(step.value) / value_unit_ratio, fraction,
                   step.cumulative_count);
    if (step.percentile < 100) fmt::format_to(output, " {:14.2f}", 1 / (1 - fraction));
    text += '\n';
  }
  fmt::format_to(output,
                 "#[Mean    = {:12.3f}, StdDeviation   = {:12.3f}]\n"
                 "#[Max     = {:12.3f}, Total count    = {:12d}]\n"
                 "#[Buckets = {:12d}, SubBuckets     = {:12d}]\n",
                 histogram.mean() / value_unit_ratio, histogram.stddev() / value_unit_ratio,
                 static_cast<double>(histogram.max()) / value_unit_ratio, histogram.count(),
                 histogram.bucket_count(), Histogram::sub_bucket_count);
  return text;
}

std::string interval_log_header(std::string_view comment, os::Nanoseconds start_realtime_ns) {
  std::string text;
  while (!comment.empty()) {
    const std::size_t length = comment.find('\n');
    text += fmt::format("#{}\n", comment.substr(0, length));
    comment = length == std::string_view::npos ? std::string_view{} : comment.substr(length + 1);
  }
  const std::string start = milliseconds_text(start_realtime_ns);
  text += "#[Histogram log format version 1.3]\n";
  text += fmt::format("#[StartTime: {} (seconds since epoch), {}]\n", start,
                      os::format_utc(start_realtime_ns));
  // Without it a reader takes small row times for times since the epoch.
  text += fmt::format("#[BaseTime: {} (seconds since epoch)]\n", start);
  text +=
      "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\"\n";
  return text;
}

std::string interval_log_row(const Histogram& histogram, Interval interval, std::string_view tag) {
  C1M_ASSERT(interval.start_ns >= 0 && interval.length_ns >= 0, "an interval is within its log");
  C1M_ASSERT(tag.find_first_of(", \t\r\n") == std::string_view::npos,
             "a tag has no comma and no white space");
  return fmt::format("{}{}{}{:.3f},{:.3f},{:.3f},{}\n", tag.empty() ? "" : "Tag=", tag,
                     tag.empty() ? "" : ",", to_seconds(interval.start_ns),
                     to_seconds(interval.length_ns),
                     static_cast<double>(histogram.max()) / static_cast<double>(os::ns_per_ms),
                     encode_v2_base64(histogram));
}

}  // namespace c1m::measure
