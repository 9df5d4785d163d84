// TCP sockets; see socket.hpp.
#include "os/socket.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

#include "os/assert.hpp"
#include "os/resolver.hpp"

namespace c1m::os {
namespace {

struct HostAndPort {
  std::string host;
  std::uint16_t port;
};

std::expected<HostAndPort, std::string> split(std::string_view text) {
  const std::string quoted = "'" + std::string(text) + "'";
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) {
    return std::unexpected(quoted + " is not HOST:PORT (for example 127.0.0.1:7000)");
  }
  std::string_view host = text.substr(0, colon);
  const std::string_view digits = text.substr(colon + 1);
  if (host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  } else if (host.contains(':')) {
    return std::unexpected(quoted + ": write an IPv6 address in brackets, as in [::1]:7000");
  }
  unsigned port = 0;
  const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (code != std::errc{} || end != digits.data() + digits.size() || port > 65'535) {
    return std::unexpected(quoted + ": the port must be a number from 0 to 65535");
  }
  return HostAndPort{std::string(host), static_cast<std::uint16_t>(port)};
}

template <class T>
Result<void> set_option(int fd, int level, int option, const T& value, const char* name) {
  if (::setsockopt(fd, level, option, &value, sizeof value) != 0) return last_error(name);
  return {};
}

Result<void> set_buffer_sizes(int fd, const SocketOptions& options) {
  if (options.send_buffer_bytes > 0) {
    auto set =
        set_option(fd, SOL_SOCKET, SO_SNDBUF, options.send_buffer_bytes, "setsockopt(SO_SNDBUF)");
    if (!set) return set;
  }
  if (options.receive_buffer_bytes > 0) {
    auto set = set_option(fd, SOL_SOCKET, SO_RCVBUF, options.receive_buffer_bytes,
                          "setsockopt(SO_RCVBUF)");
    if (!set) return set;
  }
  return {};
}

Result<void> set_no_delay(int fd, bool no_delay) {
  if (!no_delay) return {};
  return set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1, "setsockopt(TCP_NODELAY)");
}

Result<void> prepare_listener(int fd, const Endpoint& endpoint, const ListenOptions& options) {
  auto set = set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1, "setsockopt(SO_REUSEADDR)");
  if (set && options.reuse_port) {
    set = set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1, "setsockopt(SO_REUSEPORT)");
  }
  if (set) set = set_buffer_sizes(fd, options.socket);
  if (!set) return set;
  if (::bind(fd, endpoint.data(), endpoint.size()) != 0) return last_error("bind");
  if (::listen(fd, options.backlog) != 0) return last_error("listen");
  return {};
}

}  // namespace

Endpoint::Endpoint(const sockaddr* address, socklen_t length) : length_(length) {
  C1M_ASSERT(length <= sizeof storage_, "an address fits sockaddr_storage");
  std::memcpy(&storage_, address, length);
}

Endpoint Endpoint::ipv4(std::uint32_t address, std::uint16_t port) {
  sockaddr_in in{};
  in.sin_family = AF_INET;
  in.sin_port = htons(port);
  in.sin_addr.s_addr = htonl(address);
  return Endpoint(reinterpret_cast<const sockaddr*>(&in), sizeof in);
}

std::uint16_t Endpoint::port() const {
  // sin_port and sin6_port stand at the same offset.
  return ntohs(reinterpret_cast<const sockaddr_in*>(&storage_)->sin_port);
}

Endpoint Endpoint::with_port(std::uint16_t port) const {
  Endpoint copy = *this;
  reinterpret_cast<sockaddr_in*>(&copy.storage_)->sin_port = htons(port);
  return copy;
}

bool Endpoint::is_loopback() const {
  if (family() == AF_INET) {
    const auto* in = reinterpret_cast<const sockaddr_in*>(&storage_);
    return ntohl(in->sin_addr.s_addr) >> 24 == 127;
  }
  if (family() == AF_INET6) {
    const auto* in6 = reinterpret_cast<const sockaddr_in6*>(&storage_);
    return IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr);
  }
  return false;
}

std::string Endpoint::to_string() const {
  std::array<char, NI_MAXHOST> host{};
  if (::getnameinfo(data(), size(), host.data(), host.size(), nullptr, 0, NI_NUMERICHOST) != 0) {
    return "(no address)";
  }
  const std::string port_text = ":" + std::to_string(port());
  if (family() == AF_INET6) return "[" + std::string(host.data()) + "]" + port_text;
  return host.data() + port_text;
}

std::expected<Endpoint, std::string> parse_endpoint(std::string_view text) {
  const auto parts = split(text);
  if (!parts) return std::unexpected(parts.error());
  const auto found = resolve(parts->host, "");
  if (!found) {
    return std::unexpected("cannot resolve host '" + parts->host + "': " + found.error().operation);
  }
  return found->front().with_port(parts->port);
}

Result<void> apply_options(int fd, const SocketOptions& options) {
  auto set = set_buffer_sizes(fd, options);
  if (set) set = set_no_delay(fd, options.no_delay);
  return set;
}

Result<Descriptor> listen_tcp(const Endpoint& endpoint, const ListenOptions& options) {
  const int flags = SOCK_STREAM | SOCK_CLOEXEC | (options.non_blocking ? SOCK_NONBLOCK : 0);
  Descriptor listener(::socket(endpoint.family(), flags, 0));
  if (!listener.is_open()) return last_error("socket");
  if (auto ready = prepare_listener(listener.get(), endpoint, options); !ready) {
    return std::unexpected(ready.error());
  }
  return listener;
}

Result<Descriptor> accept_tcp(int listener, Blocking blocking, const SocketOptions& options) {
  const int flags = SOCK_CLOEXEC | (blocking == Blocking::no ? SOCK_NONBLOCK : 0);
  int fd = -1;
  do {
    fd = ::accept4(listener, nullptr, nullptr, flags);
  } while (fd < 0 && errno == EINTR);
  if (fd < 0) return last_error("accept4");
  Descriptor connection(fd);
  if (auto set = set_no_delay(fd, options.no_delay); !set) return std::unexpected(set.error());
  return connection;
}

Result<Descriptor> start_connect(const Endpoint& target, const std::optional<Endpoint>& source,
                                 const SocketOptions& options) {
  Descriptor fd(::socket(target.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.is_open()) return last_error("socket");
  if (auto set = apply_options(fd.get(), options); !set) return std::unexpected(set.error());
  if (source) {
    auto set = set_option(fd.get(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1,
                          "setsockopt(IP_BIND_ADDRESS_NO_PORT)");
    if (!set) return std::unexpected(set.error());
    if (::bind(fd.get(), source->data(), source->size()) != 0) return last_error("bind");
  }
  if (::connect(fd.get(), target.data(), target.size()) != 0 && errno != EINPROGRESS) {
    return last_error("connect");
  }
  return fd;
}

Result<void> connect_result(int fd) {
  int code = 0;
  socklen_t length = sizeof code;
  if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &length) != 0) {
    return last_error("getsockopt(SO_ERROR)");
  }
  if (code != 0) return fail(code, "connect");
  return {};
}

Result<Endpoint> local_endpoint(int fd) {
  sockaddr_storage storage{};
  socklen_t length = sizeof storage;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &length) != 0) {
    return last_error("getsockname");
  }
  return Endpoint(reinterpret_cast<const sockaddr*>(&storage), length);
}

Result<std::size_t> read_some(int fd, std::span<std::byte> buffer) {
  ssize_t got = -1;
  do {
    got = ::recv(fd, buffer.data(), buffer.size(), 0);
  } while (got < 0 && errno == EINTR);
  if (got < 0) return last_error("recv");
  return static_cast<std::size_t>(got);
}

Result<std::size_t> write_some(int fd, std::span<const std::byte> bytes) {
  ssize_t sent = -1;
  do {
    sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  if (sent < 0) return last_error("send");
  return static_cast<std::size_t>(sent);
}

Result<SentParts> write_some_parts(int fd, std::span<const std::span<const std::byte>> parts,
                                   std::size_t offset) {
  std::array<iovec, parts_max> vectors;
  std::size_t count = 0;
  std::size_t offered = 0;
  for (const std::span<const std::byte> part : parts.first(std::min(parts.size(), parts_max))) {
    const std::size_t skipped = std::min(offset, part.size());
    offset -= skipped;
    // sendmsg(2) only reads, but its type does not say so.
    void* data = const_cast<std::byte*>(part.data()) + skipped;
    vectors[count++] = {.iov_base = data, .iov_len = part.size() - skipped};
    offered += part.size() - skipped;
  }
  msghdr message{};
  message.msg_iov = vectors.data();
  message.msg_iovlen = count;
  ssize_t sent = -1;
  do {
    sent = ::sendmsg(fd, &message, MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  if (sent < 0) return last_error("sendmsg");
  const auto bytes = static_cast<std::size_t>(sent);
  return SentParts{.bytes = bytes, .was_short = bytes < offered};
}

namespace {

Result<void> set_timeout(int fd, int option, Nanoseconds timeout_ns) {
  const Nanoseconds us = (timeout_ns + ns_per_us - 1) / ns_per_us;
  constexpr Nanoseconds us_per_s = 1'000'000;
  const timeval time{.tv_sec = us / us_per_s, .tv_usec = us % us_per_s};
  if (::setsockopt(fd, SOL_SOCKET, option, &time, sizeof time) != 0)
    return last_error("setsockopt(SO_RCVTIMEO or SO_SNDTIMEO)");
  return {};
}

}  // namespace

Result<void> set_read_timeout(int fd, Nanoseconds timeout_ns) {
  return set_timeout(fd, SO_RCVTIMEO, timeout_ns);
}

Result<void> set_write_timeout(int fd, Nanoseconds timeout_ns) {
  return set_timeout(fd, SO_SNDTIMEO, timeout_ns);
}

Result<void> set_blocking(int fd) {
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0 || ::fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) != 0) return last_error("fcntl");
  return {};
}

Result<void> reset_on_close(int fd) {
  return set_option(fd, SOL_SOCKET, SO_LINGER, linger{.l_onoff = 1, .l_linger = 0},
                    "setsockopt(SO_LINGER)");
}

Result<void> set_unread_limit(int fd, Nanoseconds limit_ns) {
  return set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<int>(limit_ns / ns_per_ms),
                    "setsockopt(TCP_USER_TIMEOUT)");
}

Result<void> shut_down_read(int fd) {
  if (::shutdown(fd, SHUT_RD) != 0) return last_error("shutdown");
  return {};
}

Result<void> shut_down_write(int fd) {
  if (::shutdown(fd, SHUT_WR) != 0) return last_error("shutdown(SHUT_WR)");
  return {};
}

}  // namespace c1m::os
