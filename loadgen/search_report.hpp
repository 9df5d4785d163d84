// A search as a person reads it: its steps, the bracket, how sure it is, and who was the limit.
// Threads: pure functions. Not here: JSON (measure/search_document).
#pragma once

#include <cstddef>
#include <string>

#include "measure/search_document.hpp"

namespace c1m::loadgen {

// One line, with its newline; `number` counts from 1.
[[nodiscard]] std::string format_search_step(std::size_t number, const measure::SearchStep& step);
[[nodiscard]] std::string format_search(const measure::SearchDocument& document);

}  // namespace c1m::loadgen
