// A connected TCP socket whose reads and writes park the coroutine instead of blocking the thread.
// Invariants and threads as in pollable.hpp: one reader and one writer at a time, close() beside
// both. Not here: buffering; TLS.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <utility>

#include "os/clock.hpp"
#include "os/descriptor.hpp"
#include "os/result.hpp"
#include "os/socket.hpp"
#include "runtime/pollable.hpp"

namespace c1m::runtime {

// All functions that wait fail with ETIMEDOUT at their deadline, EBADF after close() and ECANCELED
// after Runtime::stop(). Those that take a context fail with its error() once it is cancelled; what
// was sent by then is sent.
class TcpStream {
 public:
  // Takes over a connected, non-blocking socket.
  [[nodiscard]] static os::Result<TcpStream> adopt(os::Descriptor socket);

  // Connects to `target`. Fails as connect(2) does; no later than `deadline_ns`, with ETIMEDOUT.
  [[nodiscard]] static os::Result<TcpStream> connect(const os::Endpoint& target,
                                                     const os::SocketOptions& options = {},
                                                     os::Nanoseconds deadline_ns = no_deadline,
                                                     const Context& context = background);

  // To the first address of `host` that accepts: looks the name up (name_lookup.hpp), then tries
  // one after another. Fails as the look-up does, or as the last of them; `deadline_ns` is for all.
  [[nodiscard]] static os::Result<TcpStream> connect(std::string host, std::string service,
                                                     const os::SocketOptions& options = {},
                                                     os::Nanoseconds deadline_ns = no_deadline,
                                                     const Context& context = background);

  TcpStream() = default;

  // Up to buffer.size() bytes, at least one; 0 when the peer has closed its side (or for an empty
  // buffer).
  [[nodiscard]] os::Result<std::size_t> read(std::span<std::byte> buffer,
                                             const Context& context = background);

  // For a caller that borrows a buffer only while there is something to read: wait_readable(), then
  // take a buffer, try_read(), give it back; EAGAIN from try_read() means wait again. So an idle
  // connection holds no buffer.
  [[nodiscard]] os::Result<void> wait_readable(const Context& context = background) {
    return pollable_.wait_readable(WaitReason::read, context);
  }
  [[nodiscard]] os::Result<std::size_t> try_read(std::span<std::byte> buffer);

  // Sends all of `bytes` and returns their number, or fails when a part may have been sent.
  [[nodiscard]] os::Result<std::size_t> write(std::span<const std::byte> bytes,
                                              const Context& context = background);
  // The same for several spans, one after another, without copying them together (sendmsg).
  [[nodiscard]] os::Result<std::size_t> write_parts(
      std::span<const std::span<const std::byte>> parts, const Context& context = background);

  // As much of `bytes` as the kernel takes at once; EAGAIN when that is nothing. Never waits, so it
  // works after Runtime::stop(), for last words.
  [[nodiscard]] os::Result<std::size_t> try_write(std::span<const std::byte> bytes);

  // Sends FIN: the peer reads 0 once it has read everything.
  [[nodiscard]] os::Result<void> shut_down_write();

  void set_read_deadline(os::Nanoseconds deadline_ns) { pollable_.set_read_deadline(deadline_ns); }
  void set_write_deadline(os::Nanoseconds deadline_ns) {
    pollable_.set_write_deadline(deadline_ns);
  }
  void close() { pollable_.close(); }
  [[nodiscard]] bool is_open() const { return pollable_.is_open(); }

 private:
  explicit TcpStream(Pollable pollable) : pollable_(std::move(pollable)) {}
  Pollable pollable_;
};

}  // namespace c1m::runtime
