// The table of a shard's figures: one row each, from which JSON, totals and metrics are all made,
// so that none can be forgotten in one of them. Threads: constants. Not here: the formats
// (server_documents, server_metrics).
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "measure/server_documents.hpp"

namespace c1m::measure {

enum class FigureKind : std::uint8_t { counter, gauge };

struct ShardFigure {
  const char* json_name;    // unit last; also the key of ProcessSample::unavailable
  const char* metric_name;  // OpenMetrics family, unit last, without the suffix _total
  const char* metric_unit;  // "seconds", "bytes" or ""; times are in us in the sample
  FigureKind kind;
  const char* help;  // one sentence, no newline
  // Labels besides the shard's, such as `code="1000"`, of rows that follow each other as one
  // family.
  const char* metric_label;
  std::optional<std::uint64_t> (*value)(const ShardSample&);
};

std::span<const ShardFigure> shard_figures();

}  // namespace c1m::measure
