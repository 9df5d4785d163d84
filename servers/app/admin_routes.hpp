// What the admin endpoint answers to a request: a pure function of the request line and the board.
// Threads: any. Not here: HTTP on the wire (admin_server.hpp).
#pragma once

#include <string>
#include <string_view>

#include "servers/app/stats_board.hpp"

namespace c1m::servers::app {

struct AdminAnswer {
  int status = 200;
  std::string content_type;
  std::string body;
  std::string allow;  // for the header of that name; with status 405 only
};

// GET and HEAD of /healthz (200, or 503 with the reason), /stats (JSON, the latest sample) and
// /metrics (OpenMetrics). A query is ignored. Other paths: 404; other methods: 405. /stats and
// /metrics are 503 before the first sample.
AdminAnswer answer_admin_request(std::string_view method, std::string_view target,
                                 const BoardState& state, std::string_view backend);

}  // namespace c1m::servers::app
