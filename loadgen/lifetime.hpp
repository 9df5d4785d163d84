// For how long connections live before they end, in order or by a reset, and are opened anew: a
// part of the plan, a function of the seed, the connection's number and the number of its life.
//
// Invariants: the same seed gives the same ends on any number of shards; the first life of a
// connection is what is left of one that began before the plan, so that ends come at the same mean
// rate, connections / mean, from the beginning. Threads: values. Not here: closing (churn).
#pragma once

#include <cstdint>

#include "loadgen/arrival_plan.hpp"
#include "os/clock.hpp"

namespace c1m::loadgen {

enum class LifetimeKind : std::uint8_t {
  endless,
  fixed,
  exponential,
  uniform,  // each length from least_ns to most_ns equally likely
};

struct Lifetime {
  LifetimeKind kind = LifetimeKind::endless;
  os::Nanoseconds least_ns = 0;  // of fixed the length, of exponential the mean
  os::Nanoseconds most_ns = 0;   // of fixed and exponential the same
  double reset_share = 0;        // of the lives that end by a reset instead of in order

  [[nodiscard]] bool is_endless() const { return kind == LifetimeKind::endless; }
  // Not of endless.
  [[nodiscard]] double mean_ns() const {
    return static_cast<double>(least_ns) / 2 + static_cast<double>(most_ns) / 2;
  }
  // Ends a second of so many connections; 0 of endless.
  [[nodiscard]] double ends_per_s(double connections) const;

  friend bool operator==(const Lifetime&, const Lifetime&) = default;
};

// The lengths of all lives of a run. `lifetime` is not endless.
class LifePlan {
 public:
  LifePlan(Lifetime lifetime, std::uint64_t seed);

  // Life 0 is the one that has begun before the plan. At least 1 ns.
  [[nodiscard]] os::Nanoseconds length_ns(std::uint32_t connection, std::uint32_t life) const;
  [[nodiscard]] bool ends_by_reset(std::uint32_t connection, std::uint32_t life) const;

 private:
  // What is left of a life at a random moment of it.
  [[nodiscard]] double residual_ns(double unit, double other_unit) const;
  [[nodiscard]] double whole_ns(double unit) const;

  Lifetime lifetime_;
  std::uint64_t seed_;
};

struct PlannedEnds {
  std::uint64_t all = 0;
  std::uint64_t resets = 0;  // of these

  friend bool operator==(const PlannedEnds&, const PlannedEnds&) = default;
};
// Which lives of `connections` end in [0, length_ns) of the plan; takes some 20 ns an end.
[[nodiscard]] PlannedEnds count_ends(const LifePlan& plan, std::uint32_t connections,
                                     os::Nanoseconds length_ns);

}  // namespace c1m::loadgen
