// Parsing and judging; see threshold.hpp.
#include "loadgen/threshold.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "os/quantity.hpp"

namespace c1m::loadgen {
namespace {

using measure::Histogram;
using measure::LoadDocument;

constexpr std::string_view service_prefix = "service-";
constexpr std::string_view send_lag_prefix = "send-lag-";

std::optional<double> number(std::string_view text) {
  double value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  if (!std::isfinite(value) || value < 0) return std::nullopt;
  return value;
}

// "p99.9", "mean" or "max".
bool read_figure(std::string_view text, Threshold& threshold) {
  if (text == "mean") {
    threshold.figure = LatencyFigure::mean;
  } else if (text == "max") {
    threshold.figure = LatencyFigure::max;
  } else {
    const auto percentile = text.starts_with('p') ? number(text.substr(1)) : std::nullopt;
    if (!percentile || *percentile <= 0 || *percentile >= 100) return false;
    threshold.percentile = *percentile;
  }
  return true;
}

bool read_metric(std::string_view text, Threshold& threshold) {
  for (const auto& [name, subject] : {std::pair("rate", ThresholdSubject::rate),
                                      {"errors", ThresholdSubject::errors},
                                      {"lost", ThresholdSubject::lost}}) {
    if (text != name) continue;
    threshold.subject = subject;
    return true;
  }
  if (text.starts_with(service_prefix)) {
    threshold.subject = ThresholdSubject::service;
    text.remove_prefix(service_prefix.size());
  } else if (text.starts_with(send_lag_prefix)) {
    threshold.subject = ThresholdSubject::send_lag;
    text.remove_prefix(send_lag_prefix.size());
  }
  return read_figure(text, threshold);
}

// Empty, or what is wrong with the bound.
std::string read_bound(std::string_view text, Threshold& threshold) {
  switch (threshold.subject) {
    case ThresholdSubject::latency:
    case ThresholdSubject::service:
    case ThresholdSubject::send_lag: {
      const auto duration_ns = os::parse_duration(text);
      if (!duration_ns) return "a latency's bound is a duration such as 5ms or 250us";
      threshold.bound = static_cast<double>(*duration_ns) / static_cast<double>(os::ns_per_us);
      return {};
    }
    case ThresholdSubject::errors:
    case ThresholdSubject::lost:
      threshold.is_fraction = text.ends_with('%');
      if (threshold.is_fraction) text.remove_suffix(1);
      break;
    case ThresholdSubject::rate:
      break;
  }
  const auto value = number(text);
  if (!value) return fmt::format("the bound of {} is a number", threshold.metric);
  threshold.bound = threshold.is_fraction ? *value / 100 : *value;
  return {};
}

std::string without_spaces(std::string_view text) {
  std::string packed(text);
  std::erase_if(packed, [](char c) { return c == ' ' || c == '\t'; });
  return packed;
}

const Histogram* histogram_of(const Threshold& threshold, const LoadDocument& document) {
  const Histogram* found = &document.service_ns;
  if (threshold.subject == ThresholdSubject::send_lag) {
    found = document.send_lag_ns ? &*document.send_lag_ns : nullptr;
  } else if (threshold.subject == ThresholdSubject::latency && document.response_ns) {
    found = &*document.response_ns;
  }
  return found != nullptr && !found->empty() ? found : nullptr;
}

std::optional<double> latency_us(const Threshold& threshold, const LoadDocument& document) {
  const Histogram* histogram = histogram_of(threshold, document);
  if (histogram == nullptr) return std::nullopt;
  const auto to_us = [](auto ns) {
    return static_cast<double>(ns) / static_cast<double>(os::ns_per_us);
  };
  switch (threshold.figure) {
    case LatencyFigure::percentile:
      return to_us(histogram->value_at_percentile(threshold.percentile));
    case LatencyFigure::mean:
      return to_us(histogram->mean());
    case LatencyFigure::max:
      break;
  }
  return to_us(histogram->max());
}

std::optional<double> count_or_share(std::uint64_t count, const Threshold& threshold,
                                     const LoadDocument& document) {
  const std::uint64_t planned = document.counts.planned;
  if (planned == 0) return std::nullopt;
  const auto value = static_cast<double>(count);
  return threshold.is_fraction ? value / static_cast<double>(planned) : value;
}

std::optional<double> value_of(const Threshold& threshold, const LoadDocument& document) {
  switch (threshold.subject) {
    case ThresholdSubject::latency:
    case ThresholdSubject::service:
    case ThresholdSubject::send_lag:
      return latency_us(threshold, document);
    case ThresholdSubject::rate:
      if (document.window.duration_s() <= 0) return std::nullopt;
      return document.rate_achieved_rps;
    case ThresholdSubject::errors:
      return count_or_share(count_errors(document.counts), threshold, document);
    case ThresholdSubject::lost:
      break;
  }
  return count_or_share(document.counts.lost, threshold, document);
}

bool holds(double value, Comparison comparison, double bound) {
  switch (comparison) {
    case Comparison::below:
      return value < bound;
    case Comparison::at_most:
      return value <= bound;
    case Comparison::above:
      return value > bound;
    case Comparison::at_least:
      break;
  }
  return value >= bound;
}

const char* symbol_of(Comparison comparison) {
  switch (comparison) {
    case Comparison::below:
      return "<";
    case Comparison::at_most:
      return "<=";
    case Comparison::above:
      return ">";
    case Comparison::at_least:
      break;
  }
  return ">=";
}

const char* unit_of(const Threshold& threshold) {
  switch (threshold.subject) {
    case ThresholdSubject::rate:
      return "requests/s";
    case ThresholdSubject::errors:
    case ThresholdSubject::lost:
      return threshold.is_fraction ? "fraction" : "requests";
    case ThresholdSubject::latency:
    case ThresholdSubject::service:
    case ThresholdSubject::send_lag:
      break;
  }
  return "us";
}

}  // namespace

std::expected<Threshold, std::string> parse_threshold(std::string_view text) {
  Threshold threshold{.text = without_spaces(text)};
  const std::string_view packed = threshold.text;
  const std::size_t at = packed.find_first_of("<>");
  if (at == std::string_view::npos) {
    return std::unexpected(
        fmt::format("'{}' has no <, <=, > or >=; write METRIC<BOUND, as in p99<5ms", text));
  }
  const bool is_below = packed[at] == '<';
  const bool has_equal = packed.substr(at + 1).starts_with('=');
  threshold.metric = packed.substr(0, at);
  if (is_below) {
    threshold.comparison = has_equal ? Comparison::at_most : Comparison::below;
  } else {
    threshold.comparison = has_equal ? Comparison::at_least : Comparison::above;
  }
  if (!read_metric(threshold.metric, threshold)) {
    return std::unexpected(fmt::format(
        "'{}': '{}' is not one of p50 (any percentile above 0 and below 100, as p99.9), mean, max, "
        "each also after service- or send-lag-, rate, errors, lost",
        text, threshold.metric));
  }
  const std::string fault = read_bound(packed.substr(at + (has_equal ? 2 : 1)), threshold);
  if (!fault.empty()) return std::unexpected(fmt::format("'{}': {}", text, fault));
  return threshold;
}

measure::ThresholdVerdict judge(const Threshold& threshold, const LoadDocument& document) {
  const auto value = value_of(threshold, document);
  return {.text = threshold.text,
          .metric = threshold.metric,
          .value = value,
          .comparison = symbol_of(threshold.comparison),
          .bound = threshold.bound,
          .unit = unit_of(threshold),
          .ok = value && holds(*value, threshold.comparison, threshold.bound)};
}

std::uint64_t count_errors(const measure::RequestCounts& counts) {
  const std::uint64_t errors =
      counts.unsent + counts.lost + counts.in_flight_at_end + counts.corrupt + counts.late;
  // A late answer may be corrupt as well.
  return std::min(errors, counts.planned);
}

}  // namespace c1m::loadgen
