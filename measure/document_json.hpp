// JSON of the parts that several documents of the load generator share.
// Threads: pure functions. Not here: whole documents (load_document, search_document).
#pragma once

#include <optional>

#include <nlohmann/json.hpp>

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

// The head of every document: its kind, when it began, and which build wrote it.
void put_identity(OrderedJson& json, const char* kind, const std::string& started_utc);

}  // namespace c1m::measure
