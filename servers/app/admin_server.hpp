// The admin endpoint: HTTP/1.1 on a socket of its own, in a thread of the supervisor, never in a
// shard. Invariants: every wait has a timeout and connections have a limit, so that slow or idle
// clients cannot keep others out for longer than that; a request is bounded in size. Threads:
// construct and destroy by the supervisor's thread. Not here: what is answered (admin_routes.hpp);
// TLS and authentication: bind it to an address that is safe.
#pragma once

#include <memory>
#include <string>

#include "os/descriptor.hpp"
#include "os/result.hpp"
#include "servers/app/stats_board.hpp"

namespace c1m::servers::app {

class AdminServer {
 public:
  // Serves on `listener`, a non-blocking listening socket. `board` must outlive the server.
  [[nodiscard]] static os::Result<AdminServer> start(os::Descriptor listener,
                                                     const StatsBoard& board, std::string backend);

  AdminServer(AdminServer&&) noexcept;
  AdminServer& operator=(AdminServer&&) = delete;
  AdminServer(const AdminServer&) = delete;
  AdminServer& operator=(const AdminServer&) = delete;
  // Closes every connection and joins the thread.
  ~AdminServer();

 private:
  class Body;
  explicit AdminServer(std::unique_ptr<Body> body);
  std::unique_ptr<Body> body_;
};

}  // namespace c1m::servers::app
