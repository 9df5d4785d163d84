// The JSON of a calibration; see calibration_document.hpp.
#include "measure/calibration_document.hpp"

#include "measure/document_json.hpp"

namespace c1m::measure {
namespace {

double us_at(const Histogram& histogram, double percentile) {
  return static_cast<double>(histogram.value_at_percentile(percentile)) /
         static_cast<double>(os::ns_per_us);
}

OrderedJson json_of(const GeneratorFloor& floor) {
  return {{"message_bytes", floor.message_bytes},
          {"p50_us", us_at(floor.round_trip_ns, 50)},
          {"p99_us", us_at(floor.round_trip_ns, 99)}};
}

// Figures of the last run at the highest punctual rate.
OrderedJson json_of_run(const std::optional<LoadDocument>& run) {
  if (!run) return nullptr;
  OrderedJson json;
  json["cpu_us_per_request"] = measure::json_of(run->cpu_us_per_request());
  json["cpu_utilization_max"] = run->cpu_utilization_max();
  json["send_lag_p99_us"] = run->send_lag_ns && !run->send_lag_ns->empty()
                                ? OrderedJson(us_at(*run->send_lag_ns, 99))
                                : OrderedJson(nullptr);
  return json;
}

}  // namespace

std::string write_calibration_document(const CalibrationDocument& document) {
  const SearchDocument& search = document.search;
  OrderedJson json;
  put_identity(json, "c1m-calibration", search.started_utc);
  json["settings"] = measure::json_of(search.settings);
  json["echo_cpus"] = document.echo_cpus;
  json["shares_cpus"] = document.shares_cpus;
  json["floor"] = json_of(document.floor);
  json["punctual_rps"] = measure::json_of(search.held_rps);
  json["unpunctual_rps"] = measure::json_of(search.failed_rps);
  json["confidence"] = search.confidence;
  json["converged"] = search.converged;
  json["steps"] = search.steps.size();
  json["at_punctual_rate"] = json_of_run(search.held_run);
  return json.dump(2) + "\n";
}

}  // namespace c1m::measure
