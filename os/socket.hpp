// TCP sockets: addresses, listening, accepting, connecting, and the options that every part shares.
// Invariant: every descriptor is close-on-exec. Threads: any; a socket has one owner.
// Not here: waiting (poller.hpp, runtime/) and TLS.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "os/clock.hpp"
#include "os/descriptor.hpp"
#include "os/result.hpp"

namespace c1m::os {

// An IPv4 or IPv6 address with a port, ready for the kernel.
class Endpoint {
 public:
  Endpoint() = default;
  Endpoint(const sockaddr* address, socklen_t length);
  // 127.0.0.1-style constructor; `address` in host byte order.
  static Endpoint ipv4(std::uint32_t address, std::uint16_t port);

  [[nodiscard]] const sockaddr* data() const {
    return reinterpret_cast<const sockaddr*>(&storage_);
  }
  [[nodiscard]] socklen_t size() const { return length_; }
  [[nodiscard]] int family() const { return storage_.ss_family; }
  [[nodiscard]] std::uint16_t port() const;
  [[nodiscard]] Endpoint with_port(std::uint16_t port) const;
  [[nodiscard]] bool is_loopback() const;
  // "127.0.0.1:7000" or "[::1]:7000".
  [[nodiscard]] std::string to_string() const;

 private:
  sockaddr_storage storage_{};
  socklen_t length_ = 0;
};

// Splits and resolves "HOST:PORT" or "[V6]:PORT". Blocking (it may ask the name service). The error
// is a sentence for the user that names the text, what is wrong with it and what is expected.
std::expected<Endpoint, std::string> parse_endpoint(std::string_view text);

// What every socket of c1m gets, on both sides, so that backends differ only in how they wait.
struct SocketOptions {
  bool no_delay = true;          // TCP_NODELAY
  int send_buffer_bytes = 0;     // SO_SNDBUF; 0 leaves the kernel's autotuning on
  int receive_buffer_bytes = 0;  // SO_RCVBUF; likewise
};
[[nodiscard]] Result<void> apply_options(int fd, const SocketOptions& options);

struct ListenOptions {
  int backlog = 65'535;     // the kernel caps it at net.core.somaxconn
  bool reuse_port = false;  // SO_REUSEPORT: several listeners share one port
  bool non_blocking = true;
  SocketOptions socket;  // buffer sizes are inherited by accepted sockets
};
[[nodiscard]] Result<Descriptor> listen_tcp(const Endpoint& endpoint, const ListenOptions& options);

enum class Blocking : bool { no, yes };

// One pending connection, or EAGAIN. Sets TCP_NODELAY as `options` say (buffer sizes are
// inherited).
[[nodiscard]] Result<Descriptor> accept_tcp(int listener, Blocking blocking,
                                            const SocketOptions& options);

// Starts a non-blocking connect. `source` binds the local address without choosing a port yet
// (IP_BIND_ADDRESS_NO_PORT), so that ports are only unique per destination. The socket may still be
// connecting: wait for writability, then ask connect_result().
[[nodiscard]] Result<Descriptor> start_connect(const Endpoint& target,
                                               const std::optional<Endpoint>& source,
                                               const SocketOptions& options);
// The outcome of a finished non-blocking connect (SO_ERROR).
[[nodiscard]] Result<void> connect_result(int fd);

// The address that a socket is bound to; for a listener on port 0 the port that it got.
[[nodiscard]] Result<Endpoint> local_endpoint(int fd);

// read(2)/write(2) that retry EINTR. 0 from read_some means the peer closed. EAGAIN is an Error.
// write_some never raises SIGPIPE.
[[nodiscard]] Result<std::size_t> read_some(int fd, std::span<std::byte> buffer);
[[nodiscard]] Result<std::size_t> write_some(int fd, std::span<const std::byte> bytes);

// sendmsg(2) of several spans without their first `offset` bytes, at most `parts_max` spans a call.
inline constexpr std::size_t parts_max = 64;  // fewer than IOV_MAX anywhere
struct SentParts {
  std::size_t bytes = 0;
  bool was_short = false;  // less than was offered: the send buffer is full
};
[[nodiscard]] Result<SentParts> write_some_parts(int fd,
                                                 std::span<const std::span<const std::byte>> parts,
                                                 std::size_t offset);

// For a socket whose reads and writes block: they fail with EAGAIN after `timeout_ns` (SO_RCVTIMEO,
// SO_SNDTIMEO; rounded up to us); 0 waits for ever.
[[nodiscard]] Result<void> set_read_timeout(int fd, Nanoseconds timeout_ns);
[[nodiscard]] Result<void> set_write_timeout(int fd, Nanoseconds timeout_ns);
// Takes O_NONBLOCK away.
[[nodiscard]] Result<void> set_blocking(int fd);

// Sends FIN after what has been written (shutdown(2) with SHUT_WR); reading goes on.
[[nodiscard]] Result<void> shut_down_write(int fd);
// Closing it sends RST at once, and what was not sent yet is dropped (SO_LINGER with 0).
[[nodiscard]] Result<void> reset_on_close(int fd);
// Makes reads that wait, in any thread, return 0 (shutdown(2) with SHUT_RD).
[[nodiscard]] Result<void> shut_down_read(int fd);

inline bool would_block(const Error& error) {
  return error.code == EAGAIN || error.code == EWOULDBLOCK;
}

}  // namespace c1m::os
