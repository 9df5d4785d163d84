// Drawing the plan; see arrival_plan.hpp.
#include "loadgen/arrival_plan.hpp"

#include <cmath>

#include "os/assert.hpp"

namespace c1m::loadgen {
namespace {

constexpr double ps_per_s = 1e12;
constexpr std::uint64_t ps_per_ns = 1'000;

}  // namespace

ConnectionRange shard_range(std::uint32_t connections, std::uint32_t shards, std::uint32_t shard) {
  C1M_ASSERT(shard < shards, "the shard is one of the shards");
  const auto boundary = [&](std::uint32_t index) {
    return static_cast<std::uint32_t>(std::uint64_t{connections} * index / shards);
  };
  return {.first = boundary(shard), .count = boundary(shard + 1) - boundary(shard)};
}

ArrivalPlan::ArrivalPlan(const PlanParameters& parameters)
    : parameters_(parameters),
      random_(parameters.seed),
      interval_mean_ps_(ps_per_s / parameters.rate_per_s) {
  C1M_ASSERT(parameters.rate_per_s > 0, "a plan has a rate");
  C1M_ASSERT(parameters.connections > 0, "a plan has connections");
}

Arrival ArrivalPlan::next() {
  if (parameters_.process == ArrivalProcess::poisson) {
    // The inverse of the exponential distribution function, at a uniform number in (0, 1].
    const double interval_ps = -std::log(random_.next_unit()) * interval_mean_ps_;
    offset_ps_ += static_cast<std::uint64_t>(std::llround(interval_ps));
  } else {
    // Half an interval from the start, so that a window of n intervals holds n arrivals exactly.
    const double intervals = static_cast<double>(drawn_) + 0.5;
    offset_ps_ = static_cast<std::uint64_t>(intervals * interval_mean_ps_);
  }
  ++drawn_;
  return {.offset_ns = static_cast<os::Nanoseconds>(offset_ps_ / ps_per_ns),
          .connection = random_.next_below(parameters_.connections)};
}

ShardPlan::ShardPlan(const PlanParameters& parameters, ConnectionRange range,
                     os::Nanoseconds length_ns)
    : plan_(parameters), range_(range), length_ns_(length_ns) {
  find_next();
}

void ShardPlan::find_next() {
  while (true) {
    const Arrival arrival = plan_.next();
    if (arrival.offset_ns >= length_ns_) {
      next_.reset();
      return;
    }
    if (range_.contains(arrival.connection)) {
      next_ = arrival;
      return;
    }
  }
}

std::uint64_t count_arrivals(const PlanParameters& parameters, os::Nanoseconds from_ns,
                             os::Nanoseconds to_ns) {
  ArrivalPlan plan(parameters);
  std::uint64_t count = 0;
  while (true) {
    const Arrival arrival = plan.next();
    if (arrival.offset_ns >= to_ns) return count;
    if (arrival.offset_ns >= from_ns) ++count;
  }
}

}  // namespace c1m::loadgen
