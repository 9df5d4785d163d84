// The result as comma-separated values: a line of column names and a line of figures, for
// spreadsheets and for collecting many runs into one table.
//
// Invariant: the columns and their order do not depend on the run, so that rows of different runs
// fit under each other; a figure that was not measured is an empty field.
// Threads: pure functions. Not here: the timeline and the checks one by one
// (measure/load_document).
#pragma once

#include <string>

#include "measure/load_document.hpp"

namespace c1m::loadgen {

// As RFC 4180 says, but with single newlines.
[[nodiscard]] std::string format_csv(const measure::LoadDocument& document);

}  // namespace c1m::loadgen
