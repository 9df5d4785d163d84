// Adding up counters that others are counting in; see worker_counters.hpp.
#include "servers/app/worker_counters.hpp"

namespace c1m::servers::app {
namespace {

using protocol::WebSocketCounters;

// measure/ knows no protocol, so it has a list of its own.
static_assert(measure::close_codes == protocol::counted_close_codes);

std::uint64_t load(const WebSocketCounters::Count& count) {
  return count.load(std::memory_order_acquire);
}

// Ended before opened, for the same reason as below.
void add(measure::WebSocketFigures& sum, const WebSocketCounters& worker) {
  for (std::size_t i = 0; i < protocol::close_counts; ++i) sum.closes[i] += load(worker.closes[i]);
  sum.sessions_ended += load(worker.sessions_ended);
  sum.sessions_opened += load(worker.sessions_opened);
  sum.handshakes_refused += load(worker.handshakes_refused);
  sum.handshakes_abandoned += load(worker.handshakes_abandoned);
  sum.messages_received += load(worker.messages_received);
  sum.message_bytes_received += load(worker.message_bytes_received);
  sum.messages_sent += load(worker.messages_sent);
  sum.message_bytes_sent += load(worker.message_bytes_sent);
  sum.pings_sent += load(worker.pings_sent);
  sum.pings_received += load(worker.pings_received);
  sum.pongs_received += load(worker.pongs_received);
}

}  // namespace

measure::TrafficFigures sum_of(std::span<const WorkerCounters> workers) {
  const auto sum = [workers](WorkerCounters::Count WorkerCounters::* count) {
    std::uint64_t total = 0;
    for (const WorkerCounters& worker : workers)
      total += (worker.*count).load(std::memory_order_acquire);
    return total;
  };
  measure::TrafficFigures figures;
  // Closed before accepted: a connection that opens and closes in between makes the open ones one
  // too many for this sample, never fewer than none.
  figures.connections_closed = sum(&WorkerCounters::connections_closed);
  figures.connections_accepted = sum(&WorkerCounters::connections_accepted);
  figures.connections_open = figures.connections_accepted - figures.connections_closed;
  figures.bytes_received = sum(&WorkerCounters::bytes_received);
  figures.bytes_sent = sum(&WorkerCounters::bytes_sent);
  figures.reads = sum(&WorkerCounters::reads);
  figures.writes = sum(&WorkerCounters::writes);
  figures.accept_errors = sum(&WorkerCounters::accept_errors);
  figures.connection_errors = sum(&WorkerCounters::connection_errors);
  figures.frames_frozen = sum(&WorkerCounters::frames_frozen);
  figures.stacks_frozen = sum(&WorkerCounters::stacks_frozen);
  figures.stack_freezes = sum(&WorkerCounters::stack_freezes);
  figures.stack_thaws = sum(&WorkerCounters::stack_thaws);
  figures.stack_bytes_released = sum(&WorkerCounters::stack_bytes_released);
  for (const WorkerCounters& worker : workers) add(figures.websocket, worker.websocket);
  figures.websocket.sessions_open =
      figures.websocket.sessions_opened - figures.websocket.sessions_ended;
  return figures;
}

}  // namespace c1m::servers::app
