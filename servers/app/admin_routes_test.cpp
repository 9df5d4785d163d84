// What the admin endpoint answers, without a socket.
#include "servers/app/admin_routes.hpp"

#include <memory>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace c1m::servers::app {
namespace {

using testing::HasSubstr;

BoardState sampled() {
  auto sample = std::make_shared<measure::StatsSample>();
  sample->shards.emplace_back();
  sample->shards[0].traffic.connections_open = 42;
  return {.sample = std::move(sample), .trouble = {}};
}

using admin::AdminAnswer;

AdminAnswer get(std::string_view target, const BoardState& state) {
  return answer_admin_request("GET", target, state, "uv");
}

TEST(AdminRoutes, HealthIsOkUntilThereIsTrouble) {
  EXPECT_EQ(get("/healthz", sampled()).status, 200);
  EXPECT_EQ(get("/healthz", sampled()).body, "ok\n");
  BoardState dead = sampled();
  dead.trouble = "shard 1 was killed";
  EXPECT_EQ(get("/healthz", dead).status, 503);
  EXPECT_EQ(get("/healthz", dead).body, "shard 1 was killed\n");
  EXPECT_EQ(get("/stats", dead).status, 200) << "the last figures stay";
}

TEST(AdminRoutes, StatsIsTheLatestSampleAsJson) {
  const AdminAnswer answer = get("/stats", sampled());
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.content_type, "application/json");
  EXPECT_THAT(answer.body, HasSubstr("\"connections_open\":42"));
}

TEST(AdminRoutes, MetricsIsOpenMetrics) {
  const AdminAnswer answer = get("/metrics?x=1", sampled());
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.content_type, "application/openmetrics-text; version=1.0.0; charset=utf-8");
  EXPECT_THAT(answer.body, HasSubstr("c1m_server_connections_open{shard=\"0\"} 42\n"));
  EXPECT_THAT(answer.body, HasSubstr("backend=\"uv\""));
}

TEST(AdminRoutes, FiguresAreUnavailableBeforeTheFirstSample) {
  EXPECT_EQ(get("/stats", {}).status, 503);
  EXPECT_EQ(get("/metrics", {}).status, 503);
  EXPECT_EQ(get("/healthz", {}).status, 200);
}

TEST(AdminRoutes, OtherPathsAreNotFound) {
  for (const char* path : {"/", "", "/healthz/", "/statsx", "/../stats", "stats"}) {
    EXPECT_EQ(get(path, sampled()).status, 404) << path;
  }
}

TEST(AdminRoutes, OtherMethodsAreNotAllowed) {
  const AdminAnswer answer = answer_admin_request("POST", "/stats", sampled(), "uv");
  EXPECT_EQ(answer.status, 405);
  EXPECT_EQ(answer.allow, "GET, HEAD");
  EXPECT_EQ(answer_admin_request("HEAD", "/stats", sampled(), "uv").status, 200);
  EXPECT_EQ(answer_admin_request("POST", "/nothing", sampled(), "uv").status, 404);
}

}  // namespace
}  // namespace c1m::servers::app
