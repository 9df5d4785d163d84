// Adding and balancing lives; see churn_result.hpp.
#include "measure/churn_result.hpp"

namespace c1m::measure {
namespace {

std::uint64_t distance(std::uint64_t left, std::uint64_t right) {
  return left > right ? left - right : right - left;
}

}  // namespace

std::uint64_t ChurnResult::imbalance() const {
  return distance(ends_planned, parted() + unclosed + ends_skipped) +
         distance(parted(), reopened + reopens_failed + unopened);
}

ChurnResult& ChurnResult::operator+=(const ChurnResult& other) {
  for (const auto& [name, value] : churn_counters) this->*value += other.*value;
  close_ns.merge(other.close_ns);
  connect_ns.merge(other.connect_ns);
  away_ns.merge(other.away_ns);
  for (const auto& [name, count] : other.close_errors) close_errors[name] += count;
  for (const auto& [name, count] : other.connect_errors) connect_errors[name] += count;
  return *this;
}

}  // namespace c1m::measure
