// Shared parts of documents; see document_json.hpp.
#include "measure/document_json.hpp"

#include "measure/histogram_codec.hpp"
#include "os/build_info.hpp"
#include "os/clock.hpp"

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

double to_us(double ns) {
  return ns / static_cast<double>(os::ns_per_us);
}

OrderedJson percentile_block(const Histogram& histogram) {
  OrderedJson block = {{"count", histogram.count()}};
  const auto put = [&](const char* name, double ns) {
    block[name] = histogram.empty() ? OrderedJson(nullptr) : OrderedJson(to_us(ns));
  };
  const auto put_percentile = [&](const char* name, double percentile) {
    put(name, static_cast<double>(histogram.value_at_percentile(percentile)));
  };
  put("min", static_cast<double>(histogram.min()));
  put("mean", histogram.mean());
  put("stddev", histogram.stddev());
  put_percentile("p50", 50);
  put_percentile("p75", 75);
  put_percentile("p90", 90);
  put_percentile("p95", 95);
  put_percentile("p99", 99);
  put_percentile("p999", 99.9);
  put_percentile("p9999", 99.99);
  put_percentile("p99999", 99.999);
  put("max", static_cast<double>(histogram.max()));
  block["hdr_unit"] = "ns";
  block["hdr_v2_b64"] = encode_v2_base64(histogram);
  return block;
}

OrderedJson percentile_block(const std::optional<Histogram>& histogram) {
  return histogram ? percentile_block(*histogram) : OrderedJson(nullptr);
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
