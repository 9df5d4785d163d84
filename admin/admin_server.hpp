// The admin endpoint of a server or of the load generator: HTTP/1.1 on a socket of its own, in a
// thread of the supervisor, never in a shard. Invariants: every wait has a timeout and connections
// have a limit, so that slow or idle clients cannot keep others out for longer than that; a request
// is bounded in size. Threads: construct and destroy by the supervisor's thread. Not here: what is
// answered (admin_pages.hpp); TLS and authentication: bind it to an address that is safe.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "admin/admin_pages.hpp"
#include "os/descriptor.hpp"
#include "os/result.hpp"

namespace c1m::admin {

// Answers a request; called in the endpoint's thread.
using AdminAnswerer = std::function<AdminAnswer(std::string_view method, std::string_view target)>;

class AdminServer {
 public:
  // Serves on `listener`, a non-blocking listening socket. What `answer` refers to must outlive
  // the server.
  [[nodiscard]] static os::Result<AdminServer> start(os::Descriptor listener, AdminAnswerer answer);

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

}  // namespace c1m::admin
