// The JSON of a search; see search_document.hpp.
#include "measure/search_document.hpp"

#include "measure/document_json.hpp"

namespace c1m::measure {
namespace {

OrderedJson json_of_step(const SearchStep& step) {
  return {{"phase", step.phase},
          {"rate_rps", step.rate_rps},
          {"seed", step.seed},
          {"outcome", step.outcome},
          {"objective", json_of(step.objective)},
          {"rate_achieved_rps", step.rate_achieved_rps},
          {"send_lag_p99_us", json_of(step.send_lag_p99_us)},
          {"generator_cpu_utilization_max", step.generator_cpu_utilization_max},
          {"valid", step.valid},
          {"invalid_reasons", step.invalid_reasons}};
}

}  // namespace

std::string write_search_document(const SearchDocument& document) {
  OrderedJson json;
  put_identity(json, "c1m-load-search", document.started_utc);
  json["objective"] = document.objective;
  json["partial"] = document.stopped_by.has_value();
  json["stopped_by"] = json_of(document.stopped_by);
  json["settings"] = json_of(document.settings);
  json["held_rps"] = json_of(document.held_rps);
  json["failed_rps"] = json_of(document.failed_rps);
  json["bound_by"] = document.bound_by;
  json["confidence"] = document.confidence;
  json["converged"] = document.converged;
  json["steps"] = OrderedJson::array();
  for (const SearchStep& step : document.steps) json["steps"].push_back(json_of_step(step));
  json["held_run"] = document.held_run ? OrderedJson::parse(write_load_document(*document.held_run))
                                       : OrderedJson(nullptr);
  return json.dump(2) + "\n";
}

}  // namespace c1m::measure
