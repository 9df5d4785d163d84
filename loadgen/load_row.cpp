// Columns of a run; see load_row.hpp.
#include "loadgen/load_row.hpp"

#include <optional>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "measure/histogram.hpp"
#include "os/build_info.hpp"

namespace c1m::loadgen {
namespace {

using measure::Histogram;
using measure::LoadDocument;

// Quoted where a reader would otherwise split or misread it.
std::string quoted(std::string_view text) {
  if (text.find_first_of(",\"\n\r") == std::string_view::npos) return std::string(text);
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + '"';
}

class Row {
 public:
  void put(std::string name, std::string_view text) {
    columns_.emplace_back(std::move(name), quoted(text));
  }
  void put(std::string name, double value) {
    columns_.emplace_back(std::move(name), fmt::format("{}", value));
  }
  void put(std::string name, std::uint64_t value) {
    columns_.emplace_back(std::move(name), fmt::format("{}", value));
  }
  template <class T>
  void put(std::string name, const std::optional<T>& value) {
    if (value) {
      put(std::move(name), *value);
    } else {
      columns_.emplace_back(std::move(name), "");
    }
  }
  void put_latency(const std::string& name, const Histogram* histogram);

  [[nodiscard]] std::string text() const {
    std::string names;
    std::string values;
    for (const auto& [name, value] : columns_) {
      names += (names.empty() ? "" : ",") + name;
      values += (&value == &columns_.front().second ? "" : ",") + value;
    }
    return names + "\n" + values + "\n";
  }

 private:
  std::vector<std::pair<std::string, std::string>> columns_;
};

void Row::put_latency(const std::string& name, const Histogram* histogram) {
  const bool is_known = histogram != nullptr && !histogram->empty();
  const auto figure = [&](const char* suffix, auto value_ns) {
    std::optional<double> value_us;
    if (is_known) value_us = static_cast<double>(value_ns()) / static_cast<double>(os::ns_per_us);
    put(name + suffix, value_us);
  };
  figure("_mean_us", [&] { return histogram->mean(); });
  for (const auto& [suffix, percentile] : {std::pair("_p50_us", 50.0),
                                           {"_p90_us", 90.0},
                                           {"_p99_us", 99.0},
                                           {"_p999_us", 99.9},
                                           {"_p9999_us", 99.99},
                                           {"_p99999_us", 99.999}}) {
    figure(suffix, [&, at = percentile] { return histogram->value_at_percentile(at); });
  }
  figure("_max_us", [&] { return histogram->max(); });
}

struct TextOfSetting {
  std::string operator()(std::monostate) const { return ""; }
  std::string operator()(const std::vector<std::string>& parts) const {
    return fmt::format("{}", fmt::join(parts, " "));
  }
  template <class T>
  std::string operator()(const T& value) const {
    return fmt::format("{}", value);
  }
};

void put_settings(Row& row, const LoadDocument& document) {
  for (const char* name :
       {"targets", "connections", "message_bytes_min", "message_bytes", "rate_pattern", "arrival",
        "connection_choice", "pipeline", "seed", "shards"}) {
    std::string text;
    for (const auto& [known, value] : document.settings) {
      if (known == name) text = std::visit(TextOfSetting{}, value);
    }
    row.put(name, text);
  }
}

void put_counts(Row& row, const measure::RequestCounts& counts) {
  row.put("planned", counts.planned);
  row.put("sent", counts.sent);
  row.put("unsent", counts.unsent);
  row.put("answered", counts.answered);
  row.put("lost", counts.lost);
  row.put("in_flight_at_end", counts.in_flight_at_end);
  row.put("timed_out", counts.timed_out);
  row.put("corrupt", counts.corrupt);
  row.put("late", counts.late);
}

}  // namespace

std::string format_csv(const LoadDocument& document) {
  Row row;
  row.put("started_utc", document.started_utc);
  row.put("version", os::build_info().version);
  row.put("commit", os::build_info().commit);
  row.put("mode", document.mode);
  row.put("protocol", document.protocol);
  row.put("valid", std::string_view(document.valid() ? "true" : "false"));
  row.put("partial", std::string_view(document.partial() ? "true" : "false"));
  row.put("stopped_by", document.stopped_by.value_or(""));
  put_settings(row, document);
  row.put("duration_s", document.window.duration_s());
  row.put("connections_established", document.connections_established);
  row.put("connections_at_end", document.connections_at_end);
  row.put("rate_planned_rps", document.rate_planned_rps);
  row.put("rate_sent_rps", document.rate_sent_rps);
  row.put("rate_achieved_rps", document.rate_achieved_rps);
  put_counts(row, document.counts);
  row.put_latency("response", document.response_ns ? &*document.response_ns : nullptr);
  row.put_latency("service", &document.service_ns);
  row.put_latency("send_lag", document.send_lag_ns ? &*document.send_lag_ns : nullptr);
  const measure::WebSocketResult* websocket = document.websocket ? &*document.websocket : nullptr;
  row.put_latency("handshake", websocket != nullptr ? &websocket->handshake_ns : nullptr);
  row.put_latency("ping_rtt", websocket != nullptr ? &websocket->ping_rtt_ns : nullptr);
  row.put_latency("close", websocket != nullptr ? &websocket->close_ns : nullptr);
  row.put("in_flight_mean", document.in_flight_mean);
  row.put_latency("floor", document.floor ? &document.floor->round_trip_ns : nullptr);
  row.put("generator_cpu_us_per_request", document.cpu_us_per_request());
  row.put("generator_cpu_utilization_max", document.cpu_utilization_max());
  row.put("thresholds_kept", std::string_view(document.thresholds_kept() ? "true" : "false"));
  row.put("invalid_reasons", fmt::format("{}", fmt::join(document.invalid_reasons(), "; ")));
  return row.text();
}

}  // namespace c1m::loadgen
