// Random values for the tests of histograms: distributions like those of latencies, and extreme
// ones. A test prints Seed with every failure; C1M_TEST_SEED=N in the environment replays it.
// Threads: values; no shared state. Not here: anything that production code uses.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <random>
#include <string>
#include <vector>

namespace c1m::measure {

struct Seed {
  std::uint64_t value = from_environment();

  static std::uint64_t from_environment() {
    if (const char* text = std::getenv("C1M_TEST_SEED"); text != nullptr) {
      return std::strtoull(text, nullptr, 10);
    }
    return std::random_device{}();
  }
  [[nodiscard]] std::string replay() const { return "C1M_TEST_SEED=" + std::to_string(value); }
};

struct Distribution {
  const char* name;
  std::function<std::int64_t(std::mt19937_64&)> draw;
};

inline std::vector<Distribution> distributions() {
  using Random = std::mt19937_64;
  constexpr double int64_top = 9.2e18;  // just below 2^63, so that a double converts
  return {
      {"constant", [](Random&) { return std::int64_t{123'456}; }},
      {"tiny",
       [](Random& random) { return std::uniform_int_distribution<std::int64_t>(0, 3)(random); }},
      {"exact range",
       [](Random& random) { return std::uniform_int_distribution<std::int64_t>(0, 4096)(random); }},
      {"exponential, mean 200 us",
       [](Random& random) {
         return static_cast<std::int64_t>(std::exponential_distribution<>(1.0 / 200e3)(random));
       }},
      {"lognormal with a heavy tail",
       [](Random& random) {
         return static_cast<std::int64_t>(
             std::fmin(std::lognormal_distribution<>(12, 2.5)(random), int64_top));
       }},
      {"fast path and stall",
       [](Random& random) {
         const bool stall = std::bernoulli_distribution(0.02)(random);
         return std::uniform_int_distribution<std::int64_t>(stall ? 900'000'000 : 20'000,
                                                            stall ? 1'000'000'000 : 60'000)(random);
       }},
      {"uniform to 73 min",
       [](Random& random) {
         return std::uniform_int_distribution<std::int64_t>(0, (std::int64_t{1} << 42) - 1)(random);
       }},
      {"every magnitude of int64",
       [](Random& random) {
         const int bits = std::uniform_int_distribution<>(0, 63)(random);
         return static_cast<std::int64_t>(random() >> 1 >> (63 - bits));
       }},
  };
}

inline std::vector<std::int64_t> draw_values(const Distribution& distribution, std::size_t count,
                                             Seed seed) {
  std::mt19937_64 random(seed.value);
  std::vector<std::int64_t> values(count);
  for (std::int64_t& value : values) value = distribution.draw(random);
  return values;
}

}  // namespace c1m::measure
