// A shard's result on its way to the supervisor: JSON through a pipe, histograms in the V2
// encoding.
//
// Invariant: read(write(result)) equals result. Both ends are the same build, so that this format
// has no version and no schema; it never reaches a file. Threads: pure functions.
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "measure/load_result.hpp"

namespace c1m::measure {

[[nodiscard]] std::string write_load_shard_result(const LoadShardResult& result);

// The error is a sentence that says what is wrong with the text.
[[nodiscard]] std::expected<LoadShardResult, std::string> read_load_shard_result(
    std::string_view text);

}  // namespace c1m::measure
