// Drawing the plan; see arrival_plan.hpp.
#include "loadgen/arrival_plan.hpp"

#include <cmath>

#include "os/assert.hpp"

namespace c1m::loadgen {
ConnectionRange shard_range(std::uint32_t connections, std::uint32_t shards, std::uint32_t shard) {
  C1M_ASSERT(shard < shards, "the shard is one of the shards");
  const auto boundary = [&](std::uint32_t index) {
    return static_cast<std::uint32_t>(std::uint64_t{connections} * index / shards);
  };
  return {.first = boundary(shard), .count = boundary(shard + 1) - boundary(shard)};
}

ArrivalPlan::ArrivalPlan(const PlanParameters& parameters)
    : process_(parameters.process),
      trace_(parameters.trace),
      random_(parameters.seed),
      clock_(parameters.rate),
      connection_(parameters.choice, parameters.connections, parameters.seed) {
  C1M_ASSERT(parameters.connections > 0, "a plan has connections");
}

Arrival ArrivalPlan::next() {
  if (process_ == ArrivalProcess::trace) return next_of_trace();
  if (process_ == ArrivalProcess::poisson) {
    // The inverse of the exponential distribution function, at a uniform number in (0, 1].
    const double interval = -std::log(random_.next_unit()) * static_cast<double>(one_arrival);
    expected_ += static_cast<NanoArrivals>(std::llround(interval));
  } else {
    // Half an interval from the start, so that a window of n intervals holds n arrivals exactly.
    expected_ = drawn_ * one_arrival + one_arrival / 2;
  }
  ++drawn_;
  return {.offset_ns = clock_.offset_of(expected_), .connection = connection_.next(random_)};
}

Arrival ArrivalPlan::next_of_trace() {
  if (drawn_ == trace_.size()) return {.offset_ns = RateClock::never_ns};
  const TracedArrival& traced = trace_[drawn_++];
  const bool is_free = traced.connection == any_connection;
  return {.offset_ns = traced.offset_ns,
          .connection = is_free ? connection_.next(random_) : traced.connection};
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
