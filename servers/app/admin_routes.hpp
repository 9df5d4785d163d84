// What the admin endpoint answers to a request: a pure function of the request line and the board.
// Threads: any. Not here: HTTP on the wire (admin/).
#pragma once

#include <string_view>

#include "admin/admin_pages.hpp"
#include "servers/app/stats_board.hpp"

namespace c1m::servers::app {

// GET and HEAD of /healthz (200, or 503 with the reason), /stats (JSON, the latest sample) and
// /metrics (OpenMetrics). A query is ignored. Other paths: 404; other methods: 405. /stats and
// /metrics are 503 before the first sample.
admin::AdminAnswer answer_admin_request(std::string_view method, std::string_view target,
                                        const BoardState& state, std::string_view backend);

}  // namespace c1m::servers::app
