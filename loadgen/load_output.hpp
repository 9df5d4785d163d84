// Puts the result where the user wants it: stdout, the document file, the histogram files.
//
// Invariants: places that cannot be written are found before the run; a file is whole or absent.
// Threads: one. Not here: the formats (load_report, measure/).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "loadgen/load_settings.hpp"
#include "measure/load_document.hpp"
#include "measure/load_result.hpp"
#include "measure/search_document.hpp"

namespace c1m::loadgen {

// Nothing when everything can be written, as far as can be known; else a sentence. Creates the
// directory for histograms.
[[nodiscard]] std::optional<std::string> find_unwritable(const LoadSettings& settings);

// Writes everything; one sentence for each thing that could not be written.
[[nodiscard]] std::vector<std::string> write_result(
    const LoadSettings& settings, const measure::LoadDocument& document,
    const std::vector<measure::LoadShardResult>& results);

// Likewise of a search: stdout and the document file.
[[nodiscard]] std::vector<std::string> write_search(const LoadSettings& settings,
                                                    const measure::SearchDocument& document);

}  // namespace c1m::loadgen
