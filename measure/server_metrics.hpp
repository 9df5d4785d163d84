// The figures of a server as OpenMetrics text, for /metrics. Format: the OpenMetrics
// specification 1.0.0. Threads: values. Not here: serving it (servers/app).
#pragma once

#include <string>
#include <string_view>

#include "measure/server_documents.hpp"

namespace c1m::measure {

inline constexpr std::string_view open_metrics_content_type =
    "application/openmetrics-text; version=1.0.0; charset=utf-8";

// Families with `# TYPE`, `# UNIT` and `# HELP`, one sample a shard under the label `shard`, and `#
// EOF`. A figure that could not be read has no sample, as the specification wants. `backend` and
// `build` make the family c1m_server_build, the sample's choices c1m_server_choices.
std::string to_open_metrics(const StatsSample& sample, std::string_view backend,
                            const os::BuildInfo& build);

}  // namespace c1m::measure
