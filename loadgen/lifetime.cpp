// Drawing lengths; see lifetime.hpp.
#include "loadgen/lifetime.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "loadgen/xoshiro.hpp"
#include "os/assert.hpp"

namespace c1m::loadgen {
namespace {

// Keeps lives apart from everything else that is drawn from the same seed.
constexpr std::uint64_t life_salt = 0x6c69666574696d65U;  // "lifetime"
// And whether they end by a reset from how long they are.
constexpr std::uint64_t reset_salt = 0x7265736574U;  // "reset"

}  // namespace

double Lifetime::ends_per_s(double connections) const {
  if (is_endless()) return 0;
  return connections * static_cast<double>(os::ns_per_s) / mean_ns();
}

LifePlan::LifePlan(Lifetime lifetime, std::uint64_t seed)
    : lifetime_(lifetime), seed_(mix64(seed ^ life_salt)) {
  C1M_ASSERT(!lifetime.is_endless() && lifetime.least_ns > 0, "lives that end have a length");
}

os::Nanoseconds LifePlan::length_ns(std::uint32_t connection, std::uint32_t life) const {
  Xoshiro256 random(seed_ ^ mix64((std::uint64_t{connection} << 32) | life));
  const double unit = random.next_unit();
  const double length_ns = life == 0 ? residual_ns(unit, random.next_unit()) : whole_ns(unit);
  return std::max<os::Nanoseconds>(1, static_cast<os::Nanoseconds>(length_ns));
}

bool LifePlan::ends_by_reset(std::uint32_t connection, std::uint32_t life) const {
  if (lifetime_.reset_share <= 0) return false;
  const std::uint64_t name = (std::uint64_t{connection} << 32) | life;
  // In (0, 1], so that a share of 1 is all of them.
  return Xoshiro256(seed_ ^ reset_salt ^ mix64(name)).next_unit() <= lifetime_.reset_share;
}

double LifePlan::whole_ns(double unit) const {
  const auto least_ns = static_cast<double>(lifetime_.least_ns);
  const auto most_ns = static_cast<double>(lifetime_.most_ns);
  switch (lifetime_.kind) {
    case LifetimeKind::exponential:
      return -std::log(unit) * least_ns;
    case LifetimeKind::fixed:
    case LifetimeKind::uniform:
      return least_ns + unit * (most_ns - least_ns);
    case LifetimeKind::endless:
      break;
  }
  std::unreachable();
}

// The life that a random moment falls into is chosen in proportion to its length, and the moment is
// anywhere in it (the inspection paradox; D. R. Cox, "Renewal Theory", 1962, chapter 5). Lengths x
// even on [a, b], weighted by x, have the distribution (x^2 - a^2) / (b^2 - a^2).
double LifePlan::residual_ns(double unit, double other_unit) const {
  const auto least_ns = static_cast<double>(lifetime_.least_ns);
  const auto most_ns = static_cast<double>(lifetime_.most_ns);
  if (lifetime_.kind == LifetimeKind::exponential) return whole_ns(unit);  // has no memory
  return other_unit *
         std::sqrt(least_ns * least_ns + unit * (most_ns * most_ns - least_ns * least_ns));
}

PlannedEnds count_ends(const LifePlan& plan, std::uint32_t connections, os::Nanoseconds length_ns) {
  PlannedEnds ends;
  for (std::uint32_t connection = 0; connection < connections; ++connection) {
    os::Nanoseconds end_ns = 0;
    for (std::uint32_t life = 0;; ++life) {
      end_ns += plan.length_ns(connection, life);
      if (end_ns >= length_ns) break;
      ++ends.all;
      if (plan.ends_by_reset(connection, life)) ++ends.resets;
    }
  }
  return ends;
}

}  // namespace c1m::loadgen
