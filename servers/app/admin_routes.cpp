// Routing of the admin endpoint; see admin_routes.hpp.
#include "servers/app/admin_routes.hpp"

#include <fmt/format.h>

#include "measure/server_documents.hpp"
#include "measure/server_metrics.hpp"
#include "os/build_info.hpp"

namespace c1m::servers::app {
namespace {

constexpr int ok = 200;
constexpr int not_found = 404;
constexpr int method_not_allowed = 405;
constexpr int service_unavailable = 503;
constexpr const char* plain_text = "text/plain; charset=utf-8";

AdminAnswer text_answer(int status, std::string body) {
  return {.status = status, .content_type = plain_text, .body = std::move(body), .allow = {}};
}

AdminAnswer health(const BoardState& state) {
  if (state.trouble.empty()) return text_answer(ok, "ok\n");
  return text_answer(service_unavailable, state.trouble + "\n");
}

}  // namespace

AdminAnswer answer_admin_request(std::string_view method, std::string_view target,
                                 const BoardState& state, std::string_view backend) {
  const std::string_view path = target.substr(0, target.find('?'));
  if (path != "/healthz" && path != "/stats" && path != "/metrics") {
    return text_answer(
        not_found, fmt::format("nothing at {}; there are /healthz, /stats and /metrics\n", path));
  }
  if (method != "GET" && method != "HEAD") {
    AdminAnswer answer = text_answer(method_not_allowed, "only GET and HEAD are allowed here\n");
    answer.allow = "GET, HEAD";
    return answer;
  }
  if (path == "/healthz") return health(state);
  if (!state.sample) return text_answer(service_unavailable, "no sample yet\n");
  if (path == "/stats") {
    return {.status = ok,
            .content_type = "application/json",
            .body = measure::to_json_line(*state.sample) + "\n",
            .allow = {}};
  }
  return {.status = ok,
          .content_type = std::string(measure::open_metrics_content_type),
          .body = measure::to_open_metrics(*state.sample, backend, os::build_info()),
          .allow = {}};
}

}  // namespace c1m::servers::app
