// Counters of workers: their sum, and that lines are not shared.
#include "servers/app/worker_counters.hpp"

#include <array>
#include <cstdint>

#include <gtest/gtest.h>

namespace c1m::servers::app {
namespace {

TEST(WorkerCounters, SumOverWorkers) {
  std::array<WorkerCounters, 2> workers;
  workers[0].count_read(10);
  workers[1].count_read(20);
  workers[1].count_write(5);
  for (WorkerCounters& worker : workers) WorkerCounters::add(worker.connections_accepted, 3);
  WorkerCounters::add(workers[0].connections_closed, 1);
  WorkerCounters::add(workers[0].accept_errors, 7);
  WorkerCounters::add(workers[1].connection_errors, 8);
  WorkerCounters::add(workers[1].frames_frozen, 9);
  workers[0].stacks_frozen = 10;
  workers[0].stack_freezes = 11;
  workers[1].stack_thaws = 12;
  workers[1].stack_bytes_released = 13;
  const measure::TrafficFigures sum = sum_of(workers);
  EXPECT_EQ(sum.reads, 2U);
  EXPECT_EQ(sum.bytes_received, 30U);
  EXPECT_EQ(sum.writes, 1U);
  EXPECT_EQ(sum.bytes_sent, 5U);
  EXPECT_EQ(sum.connections_accepted, 6U);
  EXPECT_EQ(sum.connections_closed, 1U);
  EXPECT_EQ(sum.connections_open, 5U);
  EXPECT_EQ(sum.accept_errors, 7U);
  EXPECT_EQ(sum.connection_errors, 8U);
  EXPECT_EQ(sum.frames_frozen, 9U);
  EXPECT_EQ(sum.stacks_frozen, 10U);
  EXPECT_EQ(sum.stack_freezes, 11U);
  EXPECT_EQ(sum.stack_thaws, 12U);
  EXPECT_EQ(sum.stack_bytes_released, 13U);
}

TEST(WorkerCounters, SumsWhatWebSocketSessionsCount) {
  std::array<WorkerCounters, 2> workers;
  for (WorkerCounters& worker : workers) {
    protocol::WebSocketCounters& counters = worker.websocket;
    std::uint64_t next = 1;
    for (auto* count :
         {&counters.sessions_opened, &counters.handshakes_refused, &counters.handshakes_abandoned,
          &counters.messages_received, &counters.message_bytes_received, &counters.messages_sent,
          &counters.message_bytes_sent, &counters.pings_sent, &counters.pings_received,
          &counters.pongs_received}) {
      *count = 100 * next++;
    }
    counters.sessions_ended = 3;
    counters.closes.front() = 1;
    counters.closes.back() = 2;
  }
  const measure::WebSocketFigures sum = sum_of(workers).websocket;
  EXPECT_EQ(sum.sessions_opened, 200U);
  EXPECT_EQ(sum.sessions_ended, 6U);
  EXPECT_EQ(sum.sessions_open, 194U);
  EXPECT_EQ(sum.handshakes_refused, 400U);
  EXPECT_EQ(sum.handshakes_abandoned, 600U);
  EXPECT_EQ(sum.messages_received, 800U);
  EXPECT_EQ(sum.message_bytes_received, 1'000U);
  EXPECT_EQ(sum.messages_sent, 1'200U);
  EXPECT_EQ(sum.message_bytes_sent, 1'400U);
  EXPECT_EQ(sum.pings_sent, 1'600U);
  EXPECT_EQ(sum.pings_received, 1'800U);
  EXPECT_EQ(sum.pongs_received, 2'000U);
  EXPECT_EQ(sum.closes.front(), 2U);
  EXPECT_EQ(sum.closes.back(), 4U);
}

TEST(WorkerCounters, WorkersDoNotShareACacheLine) {
  const std::array<WorkerCounters, 2> workers;
  const auto address = [](const WorkerCounters& worker) {
    return reinterpret_cast<std::uintptr_t>(&worker);
  };
  EXPECT_EQ(address(workers[0]) % cache_line_bytes, 0U);
  EXPECT_GE(address(workers[1]) - address(workers[0]), cache_line_bytes);
}

}  // namespace
}  // namespace c1m::servers::app
