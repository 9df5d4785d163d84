// Adding and balancing clients; see unkind_result.hpp.
#include "measure/unkind_result.hpp"

namespace c1m::measure {

std::uint64_t UnkindResult::imbalance() const {
  const std::uint64_t over = ended + standing_at_end;
  return opened > over ? opened - over : over - opened;
}

UnkindResult& UnkindResult::operator+=(const UnkindResult& other) {
  for (const auto& [name, value] : unkind_counters) this->*value += other.*value;
  standing_client_s += other.standing_client_s;
  ended_after_ns.merge(other.ended_after_ns);
  for (const auto& [name, count] : other.end_errors) end_errors[name] += count;
  for (const auto& [name, count] : other.connect_errors) connect_errors[name] += count;
  return *this;
}

}  // namespace c1m::measure
