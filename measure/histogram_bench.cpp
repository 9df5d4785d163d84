// What recording, merging, encoding and reading a histogram cost. Figures, never a test.
#include <benchmark/benchmark.h>

#include "measure/histogram_codec.hpp"
#include "measure/histogram_samples.hpp"

namespace c1m::measure {
namespace {

constexpr std::uint64_t seed = 1;

std::vector<std::int64_t> lognormal_latencies(std::size_t count) {
  const Distribution lognormal{
      "latencies around 160 us", [](std::mt19937_64& random) {
        return static_cast<std::int64_t>(std::lognormal_distribution<>(12, 0.7)(random));
      }};
  return draw_values(lognormal, count, Seed{seed});
}

Histogram recorded_latencies() {
  Histogram histogram;
  for (const std::int64_t value : lognormal_latencies(1'000'000)) histogram.record(value);
  return histogram;
}

void record_the_same(benchmark::State& state) {
  Histogram histogram;
  std::int64_t value = 160'000;
  for ([[maybe_unused]] auto _ : state) {
    benchmark::DoNotOptimize(value);
    histogram.record(value);
  }
}
BENCHMARK(record_the_same);

void record_latencies(benchmark::State& state) {
  const std::vector<std::int64_t> values = lognormal_latencies(1 << 16);
  Histogram histogram;
  std::size_t next = 0;
  for ([[maybe_unused]] auto _ : state) histogram.record(values[next++ & 0xffff]);
  state.counters["heap_bytes"] = static_cast<double>(histogram.heap_bytes());
}
BENCHMARK(record_latencies);

void merge(benchmark::State& state) {
  const Histogram shard = recorded_latencies();
  Histogram sum = shard;
  for ([[maybe_unused]] auto _ : state) sum.merge(shard);
}
BENCHMARK(merge);

void percentile(benchmark::State& state) {
  const Histogram histogram = recorded_latencies();
  for ([[maybe_unused]] auto _ : state)
    benchmark::DoNotOptimize(histogram.value_at_percentile(99.9));
}
BENCHMARK(percentile);

void encode_base64(benchmark::State& state) {
  const Histogram histogram = recorded_latencies();
  for ([[maybe_unused]] auto _ : state) benchmark::DoNotOptimize(encode_v2_base64(histogram));
  state.counters["text_bytes"] = static_cast<double>(encode_v2_base64(histogram).size());
}
BENCHMARK(encode_base64);

void decode_base64(benchmark::State& state) {
  const std::string text = encode_v2_base64(recorded_latencies());
  for ([[maybe_unused]] auto _ : state) benchmark::DoNotOptimize(decode_v2_base64(text));
}
BENCHMARK(decode_base64);

}  // namespace
}  // namespace c1m::measure
