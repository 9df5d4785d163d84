// When each request is meant to be sent and on which connection: a sequence that the seed fixes.
//
// Every shard walks the whole plan and keeps the arrivals of its own connections. So the same seed
// gives the same times and connections on any number of shards, in O(1) memory; the price is that
// S shards draw S times as many numbers (plan_bench has the cost of a skipped arrival).
// Invariants: offsets never decrease; an arrival is never moved, however late its sender is.
// Threads: a value with one owner. Not here: clocks and sending (open_loop).
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "loadgen/arrival_trace.hpp"
#include "loadgen/connection_choice.hpp"
#include "loadgen/rate_profile.hpp"
#include "loadgen/xoshiro.hpp"
#include "os/clock.hpp"

namespace c1m::loadgen {

// Where the rate changes, both are meant in terms of the arrivals expected in between.
enum class ArrivalProcess : std::uint8_t {
  poisson,  // independent exponential intervals
  uniform,  // equal intervals
  trace,    // those of a recording
};

struct Arrival {
  os::Nanoseconds offset_ns = 0;  // from the start of the plan
  std::uint32_t connection = 0;   // global number

  friend bool operator==(const Arrival&, const Arrival&) = default;
};

// Connections [first, first + count) of the global numbering.
struct ConnectionRange {
  std::uint32_t first = 0;
  std::uint32_t count = 0;

  [[nodiscard]] bool contains(std::uint32_t connection) const { return connection - first < count; }
  friend bool operator==(const ConnectionRange&, const ConnectionRange&) = default;
};

// The connections of shard `shard` of `shards`: contiguous, sizes differing by at most one.
ConnectionRange shard_range(std::uint32_t connections, std::uint32_t shards, std::uint32_t shard);

struct PlanParameters {
  ArrivalProcess process = ArrivalProcess::poisson;
  RateProfile rate = {.then_per_s = 1};       // over all connections; of a trace unused
  std::span<const TracedArrival> trace = {};  // must outlive the plan
  ConnectionChoice choice = {};
  std::uint32_t connections = 1;  // > 0
  std::uint64_t seed = 0;
};

// The whole plan. Where it has an end, arrivals at RateClock::never_ns follow.
class ArrivalPlan {
 public:
  explicit ArrivalPlan(const PlanParameters& parameters);
  Arrival next();

 private:
  Arrival next_of_trace();

  ArrivalProcess process_;
  std::span<const TracedArrival> trace_;
  Xoshiro256 random_;
  RateClock clock_;
  ConnectionDraw connection_;
  std::uint64_t drawn_ = 0;
  NanoArrivals expected_ = 0;  // at the last arrival of a Poisson process
};

// One shard's part of the plan, up to an end.
class ShardPlan {
 public:
  // Keeps the arrivals of `range` with an offset below `length_ns`.
  ShardPlan(const PlanParameters& parameters, ConnectionRange range, os::Nanoseconds length_ns);

  // The next arrival, or nothing after the last one. Stays the same until pop().
  [[nodiscard]] const std::optional<Arrival>& peek() const { return next_; }
  void pop() { find_next(); }

 private:
  void find_next();

  ArrivalPlan plan_;
  ConnectionRange range_;
  os::Nanoseconds length_ns_;
  std::optional<Arrival> next_;
};

// How many arrivals of the whole plan have an offset in [from_ns, to_ns).
std::uint64_t count_arrivals(const PlanParameters& parameters, os::Nanoseconds from_ns,
                             os::Nanoseconds to_ns);

}  // namespace c1m::loadgen
