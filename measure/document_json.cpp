// Shared parts of documents; see document_json.hpp.
#include "measure/document_json.hpp"

#include "os/build_info.hpp"

namespace c1m::measure {
namespace {

OrderedJson json_of_value(const SettingValue& value) {
  return std::visit(
      [](const auto& held) -> OrderedJson {
        if constexpr (std::is_same_v<std::decay_t<decltype(held)>, std::monostate>) {
          return nullptr;
        } else {
          return held;
        }
      },
      value);
}

}  // namespace

OrderedJson json_of(const Settings& settings) {
  OrderedJson block = OrderedJson::object();
  for (const auto& [name, value] : settings) block[name] = json_of_value(value);
  return block;
}

OrderedJson json_of(const ThresholdVerdict& verdict) {
  return {{"text", verdict.text},
          {"metric", verdict.metric},
          {"value", json_of(verdict.value)},
          {"comparison", verdict.comparison},
          {"bound", verdict.bound},
          {"unit", verdict.unit},
          {"ok", verdict.ok}};
}

void put_identity(OrderedJson& json, const char* kind, const std::string& started_utc) {
  const os::BuildInfo build = os::build_info();
  json["schema_version"] = 1;
  json["kind"] = kind;
  json["version"] = build.version;
  json["commit"] = build.commit;
  json["preset"] = build.preset;
  json["dirty"] = build.dirty;
  json["started_utc"] = started_utc;
}

}  // namespace c1m::measure
