// A listening TCP socket whose accept parks the coroutine.
// Invariant: one coroutine accepts at a time. Threads: as in pollable.hpp; close() beside accept().
#pragma once

#include <utility>

#include "os/clock.hpp"
#include "os/descriptor.hpp"
#include "os/result.hpp"
#include "os/socket.hpp"
#include "runtime/pollable.hpp"
#include "runtime/tcp_stream.hpp"

namespace c1m::runtime {

class TcpListener {
 public:
  // Takes over a listening, non-blocking socket (os::listen_tcp). Accepted sockets get `options`.
  [[nodiscard]] static os::Result<TcpListener> adopt(os::Descriptor listener,
                                                     const os::SocketOptions& options = {});

  TcpListener() = default;

  // The next connection. EMFILE, ENFILE, ENOBUFS, ENOMEM: the connection stays pending; wait before
  // the next try. ECONNABORTED: that peer has gone; go on. ETIMEDOUT at the deadline, EBADF after
  // close(), ECANCELED after Runtime::stop(), the context's error() once it is cancelled.
  [[nodiscard]] os::Result<TcpStream> accept(const Context& context = background);

  void set_deadline(os::Nanoseconds deadline_ns) { pollable_.set_read_deadline(deadline_ns); }
  void close() { pollable_.close(); }

 private:
  TcpListener(Pollable pollable, const os::SocketOptions& options)
      : pollable_(std::move(pollable)), options_(options) {}

  Pollable pollable_;
  os::SocketOptions options_;
};

}  // namespace c1m::runtime
