// Accepting connections in batches, alike for every backend: what counts, what is tried again, when
// to pause. Invariant: a shortage of descriptors or memory never makes a loop spin on a listener
// that stays readable. Threads: one a listener. Not here: waiting for the listener, which is the
// backend's matter.
#pragma once

#include <concepts>
#include <cstdint>

#include "os/clock.hpp"
#include "os/descriptor.hpp"
#include "os/result.hpp"
#include "os/socket.hpp"
#include "servers/app/worker_counters.hpp"

namespace c1m::servers::app {

// How long to leave a listener alone after a shortage.
inline constexpr os::Nanoseconds accept_pause_ns = 100 * os::ns_per_ms;

// Whether an error of accept(2) is about one connection only, which has gone: go on with the next.
bool is_about_one_connection(const os::Error& error);

class Acceptor {
 public:
  enum class Outcome : std::uint8_t {
    wait,   // until the listener is readable (it may be already)
    pause,  // for accept_pause_ns: a connection is pending, but a resource is short
  };

  // `listener` is non-blocking. The references must outlive the acceptor.
  Acceptor(int listener, const os::SocketOptions& options, os::Blocking blocking,
           WorkerCounters& counters)
      : listener_(listener), options_(options), blocking_(blocking), counters_(counters) {}

  // Accepts what is pending, but no more than a batch, so that established connections get their
  // turn.
  template <std::invocable<os::Descriptor> F>
  Outcome accept_batch(F&& on_connection) {
    for (int accepted = 0; accepted < batch_max; ++accepted) {
      auto connection = os::accept_tcp(listener_, blocking_, options_);
      if (connection) {
        WorkerCounters::add(counters_.connections_accepted, 1);
        on_connection(std::move(*connection));
      } else if (os::would_block(connection.error())) {
        return Outcome::wait;
      } else if (!is_about_one_connection(connection.error())) {
        WorkerCounters::add(counters_.accept_errors, 1);
        return Outcome::pause;
      }
    }
    return Outcome::wait;
  }

 private:
  static constexpr int batch_max = 64;

  int listener_;
  os::SocketOptions options_;
  os::Blocking blocking_;
  WorkerCounters& counters_;
};

}  // namespace c1m::servers::app
