// What histogram_oracle_test.py drives: Histogram, its codec and its text formats as filters, one a
// command, so that they can be held against another implementation. Part of the tests, not of the
// product.
//
// histogram_tool encode             lines "VALUE COUNT" in, the V2 base64 text out
// histogram_tool table RATIO TICKS  the same in, the .hgrm text out
// histogram_tool describe P...      V2 base64 in, "name figure" lines out: figures, percentiles,
// buckets histogram_tool merge              lines of V2 base64 in, the V2 base64 of their sum out
// histogram_tool log START_NS       lines "START_NS LENGTH_NS TAG V2" in (TAG "-" for none), the
// log out
//
// Exits 1 with the decoder's sentence when the input is not a histogram, 2 for wrong usage.
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "measure/histogram_codec.hpp"
#include "measure/histogram_log.hpp"

namespace c1m::measure {
namespace {

using Arguments = std::vector<std::string>;

Histogram read_values() {
  Histogram histogram;
  std::int64_t value = 0;
  std::uint64_t count = 0;
  while (std::cin >> value >> count) histogram.record(value, count);
  return histogram;
}

Histogram decode_or_exit(const std::string& text) {
  auto decoded = decode_v2_base64(text);
  if (!decoded) {
    std::cerr << decoded.error() << '\n';
    std::exit(1);
  }
  return *std::move(decoded);
}

int describe(const Arguments& percentiles) {
  std::string text;
  std::cin >> text;
  const Histogram histogram = decode_or_exit(text);
  std::cout << fmt::format("count {}\nmin {}\nmax {}\nmean {}\nstddev {}\n", histogram.count(),
                           histogram.min(), histogram.max(), histogram.mean(), histogram.stddev());
  for (const std::string& percentile : percentiles) {
    std::cout << fmt::format(
        "percentile {} {}\n", percentile,
        histogram.value_at_percentile(std::strtod(percentile.c_str(), nullptr)));
  }
  histogram.for_each_recorded([](const RecordedBucket& bucket) {
    std::cout << fmt::format("bucket {} {} {}\n", bucket.values.lowest, bucket.values.highest,
                             bucket.count);
  });
  return 0;
}

int merge() {
  Histogram sum;
  for (std::string text; std::cin >> text;) sum.merge(decode_or_exit(text));
  std::cout << encode_v2_base64(sum) << '\n';
  return 0;
}

int write_log(std::int64_t start_realtime_ns) {
  std::cout << interval_log_header("written by histogram_tool", start_realtime_ns);
  Interval interval;
  std::string tag;
  std::string text;
  while (std::cin >> interval.start_ns >> interval.length_ns >> tag >> text) {
    std::cout << interval_log_row(decode_or_exit(text), interval, tag == "-" ? "" : tag);
  }
  return 0;
}

int run(const Arguments& arguments) {
  const std::string command = arguments.empty() ? "" : arguments[0];
  if (command == "encode" && arguments.size() == 1) {
    std::cout << encode_v2_base64(read_values()) << '\n';
    return 0;
  }
  if (command == "table" && arguments.size() == 3) {
    std::cout << percentile_table(
        read_values(), std::strtod(arguments[1].c_str(), nullptr),
        static_cast<unsigned>(std::strtoul(arguments[2].c_str(), nullptr, 10)));
    return 0;
  }
  if (command == "describe") return describe({arguments.begin() + 1, arguments.end()});
  if (command == "merge" && arguments.size() == 1) return merge();
  if (command == "log" && arguments.size() == 2)
    return write_log(std::strtoll(arguments[1].c_str(), nullptr, 10));
  std::cerr
      << "histogram_tool: give encode, table, describe, merge or log; see the head of its source\n";
  return 2;
}

}  // namespace
}  // namespace c1m::measure

int main(int argc, char** argv) {
  return c1m::measure::run({argv + 1, argv + argc});
}
