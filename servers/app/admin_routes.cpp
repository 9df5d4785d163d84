// Routing of the admin endpoint; see admin_routes.hpp.
#include "servers/app/admin_routes.hpp"

#include <array>

#include "measure/server_documents.hpp"
#include "measure/server_metrics.hpp"
#include "os/build_info.hpp"

namespace c1m::servers::app {
namespace {

constexpr int ok = 200;
constexpr int service_unavailable = 503;

using admin::AdminAnswer;
using admin::text_answer;

AdminAnswer health(const BoardState& state) {
  if (state.trouble.empty()) return text_answer(ok, "ok\n");
  return text_answer(service_unavailable, state.trouble + "\n");
}

AdminAnswer stats(const BoardState& state) {
  if (!state.sample) return text_answer(service_unavailable, "no sample yet\n");
  return {.status = ok,
          .content_type = "application/json",
          .body = measure::to_json_line(*state.sample) + "\n",
          .allow = {}};
}

AdminAnswer metrics(const BoardState& state, std::string_view backend) {
  if (!state.sample) return text_answer(service_unavailable, "no sample yet\n");
  return {.status = ok,
          .content_type = std::string(measure::open_metrics_content_type),
          .body = measure::to_open_metrics(*state.sample, backend, os::build_info()),
          .allow = {}};
}

}  // namespace

AdminAnswer answer_admin_request(std::string_view method, std::string_view target,
                                 const BoardState& state, std::string_view backend) {
  const std::array<admin::AdminPage, 3> pages{{
      {.path = "/healthz", .answer = [&] { return health(state); }},
      {.path = "/stats", .answer = [&] { return stats(state); }},
      {.path = "/metrics", .answer = [&] { return metrics(state, backend); }},
  }};
  return admin::answer_from(pages, method, target);
}

}  // namespace c1m::servers::app
