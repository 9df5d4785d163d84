// Adding up counters that others are counting in; see worker_counters.hpp.
#include "servers/app/worker_counters.hpp"

namespace c1m::servers::app {

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
  return figures;
}

}  // namespace c1m::servers::app
