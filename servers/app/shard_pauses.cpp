// The watcher of calls; see shard_pauses.hpp.
#include "servers/app/shard_pauses.hpp"

#include <cstddef>
#include <mutex>

namespace c1m::servers::app {
namespace {

// A watcher is a plain function, so what it needs stands here. Written before it is installed.
PauseBoard watched_board;
std::mutex calls_mutex;

void record_call(os::WatchedCall call, os::Nanoseconds begin_ns, os::Nanoseconds end_ns) {
  const std::scoped_lock lock(calls_mutex);
  CallPauses& pauses = watched_board.shard->calls[static_cast<std::size_t>(call)];
  const os::Nanoseconds took_ns = end_ns - begin_ns;
  pauses.took_ns.record(took_ns);
  if (took_ns < watched_board.tick_ns) return;
  pauses.stalls.add({.begin_ns = begin_ns,
                     .end_ns = end_ns,
                     .amount_ns = took_ns,
                     .has_usage = false,
                     .usage = {}});
}

}  // namespace

void record_calls(const PauseBoard& board) {
  watched_board = board;
  os::watch_calls(board.is_on() ? record_call : nullptr);
}

}  // namespace c1m::servers::app
