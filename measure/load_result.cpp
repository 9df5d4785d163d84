// Adding counts; see load_result.hpp.
#include "measure/load_result.hpp"

namespace c1m::measure {

RequestCounts& RequestCounts::operator+=(const RequestCounts& other) {
  planned += other.planned;
  sent += other.sent;
  unsent += other.unsent;
  answered += other.answered;
  lost += other.lost;
  in_flight_at_end += other.in_flight_at_end;
  corrupt += other.corrupt;
  late += other.late;
  timed_out += other.timed_out;
  return *this;
}

ConnectInterval& ConnectInterval::operator+=(const ConnectInterval& other) {
  attempted += other.attempted;
  established += other.established;
  failed += other.failed;
  return *this;
}

}  // namespace c1m::measure
