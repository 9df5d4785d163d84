// The text has the families that it says, with cumulative buckets that end in all.
#include "loadgen/load_metrics.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace c1m::loadgen {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

LiveFigures some() {
  measure::LiveHistogram latency;
  latency.record(1'000);
  latency.record(3'000'000);
  latency.record(100 * os::ns_per_s);
  LiveFigures figures;
  figures.phase = "window";
  figures.shards = 2;
  figures.established = 7;
  figures.reopened = 5;
  figures.reset = 2;
  figures.half_open = 30;
  figures.slow = 11;
  figures.sent = 41;
  figures.errors = 3;
  latency.add_to(figures.latency);
  return figures;
}

TEST(LoadMetrics, CountersGaugesAndPhase) {
  EXPECT_THAT(to_open_metrics(some(), LoadMode::open),
              AllOf(HasSubstr("c1m_load_connections_established 7\n"),
                    HasSubstr("c1m_load_connections_reopened_total 5\n"),
                    HasSubstr("c1m_load_connections_reset_total 2\n"),
                    HasSubstr("c1m_load_clients_beside{kind=\"half-open\"} 30\n"),
                    HasSubstr("c1m_load_clients_beside{kind=\"slow\"} 11\n"),
                    HasSubstr("# TYPE c1m_load_requests_sent counter\n"),
                    HasSubstr("c1m_load_requests_sent_total 41\n"),
                    HasSubstr("c1m_load_requests_failed_total 3\n"),
                    HasSubstr("c1m_load_phase{c1m_load_phase=\"window\"} 1\n"),
                    HasSubstr("c1m_load_phase{c1m_load_phase=\"draining\"} 0\n"),
                    HasSubstr("c1m_load_run_info{mode=\"open\","), testing::EndsWith("# EOF\n")));
}

TEST(LoadMetrics, BucketsAreCumulativeAndInSeconds) {
  EXPECT_THAT(to_open_metrics(some(), LoadMode::open),
              AllOf(HasSubstr("# UNIT c1m_load_response_seconds seconds\n"),
                    HasSubstr("c1m_load_response_seconds_bucket{le=\"0.000001024\"} 1\n"),
                    HasSubstr("c1m_load_response_seconds_bucket{le=\"0.002097152\"} 1\n"),
                    HasSubstr("c1m_load_response_seconds_bucket{le=\"0.004194304\"} 2\n"),
                    HasSubstr("c1m_load_response_seconds_bucket{le=\"+Inf\"} 3\n"),
                    HasSubstr("c1m_load_response_seconds_count 3\n"),
                    HasSubstr("c1m_load_response_seconds_sum 100.003001000\n"),
                    HasSubstr("c1m_load_send_lag_seconds_count 0\n")));
}

TEST(LoadMetrics, AClosedLoopHasItsServiceTime) {
  EXPECT_THAT(to_open_metrics(some(), LoadMode::closed),
              AllOf(HasSubstr("c1m_load_service_seconds_count 3\n"),
                    Not(HasSubstr("response_seconds")), Not(HasSubstr("send_lag"))));
}

}  // namespace
}  // namespace c1m::loadgen
