// JSON of the parts that several documents share.
// Threads: pure functions. Not here: whole documents (load_document, search_document).
#pragma once

#include <optional>

#include <nlohmann/json.hpp>

#include "measure/histogram.hpp"
#include "measure/load_document.hpp"

namespace c1m::measure {

// Fields stand in the order in which they were put.
using OrderedJson = nlohmann::ordered_json;

template <class T>
OrderedJson json_of(const std::optional<T>& value) {
  return value ? OrderedJson(*value) : OrderedJson(nullptr);
}

[[nodiscard]] OrderedJson json_of(const Settings& settings);
[[nodiscard]] OrderedJson json_of(const ThresholdVerdict& verdict);

[[nodiscard]] double to_us(double ns);

// A histogram of ns in us; the figures of an empty one are null: nothing was measured.
[[nodiscard]] OrderedJson percentile_block(const Histogram& histogram);
[[nodiscard]] OrderedJson percentile_block(const std::optional<Histogram>& histogram);

// The head of every document: its kind, when it began, and which build wrote it.
void put_identity(OrderedJson& json, const char* kind, const std::string& started_utc);

}  // namespace c1m::measure
