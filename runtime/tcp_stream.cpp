// Sockets' calls between waits; see tcp_stream.hpp. A steady echo costs one poll, one recv and one
// send: a short read says that the next one would block, so it is not tried.
#include "runtime/tcp_stream.hpp"

#include <utility>

#include "runtime/frame_check.hpp"
#include "runtime/name_lookup.hpp"
#include "runtime/platform.hpp"

namespace c1m::runtime {

os::Result<TcpStream> TcpStream::adopt(os::Descriptor socket) {
  auto pollable = Pollable::adopt(std::move(socket));
  if (!pollable) return std::unexpected(pollable.error());
  pollable->receive_ahead();
  return TcpStream(std::move(*pollable));
}

os::Result<TcpStream> TcpStream::connect(const os::Endpoint& target,
                                         const os::SocketOptions& options,
                                         os::Nanoseconds deadline_ns, const Context& context) {
  auto socket = platform::start_connect(target, std::nullopt, options);
  if (!socket) return std::unexpected(socket.error());
  auto stream = adopt(std::move(*socket));
  if (!stream) return stream;
  Pollable& pollable = stream->pollable_;
  pollable.write_would_block();  // it is not connected yet
  pollable.set_write_deadline(deadline_ns);
  if (auto waited = pollable.wait_writable(WaitReason::connect, context); !waited)
    return std::unexpected(waited.error());
  pollable.set_write_deadline(no_deadline);
  const Pollable::Use use(pollable);
  if (auto connected = platform::connect_result(use.get()); !connected) {
    return std::unexpected(connected.error());
  }
  return stream;
}

os::Result<TcpStream> TcpStream::connect(std::string host, std::string service,
                                         const os::SocketOptions& options,
                                         os::Nanoseconds deadline_ns, const Context& context) {
  const auto endpoints = resolve(std::move(host), std::move(service), deadline_ns, context);
  if (!endpoints) return std::unexpected(endpoints.error());
  os::Result<TcpStream> stream = os::fail(ENODATA, "getaddrinfo");
  for (const os::Endpoint& endpoint : *endpoints) {
    stream = connect(endpoint, options, deadline_ns, context);
    if (stream) break;
  }
  return stream;
}

os::Result<std::size_t> TcpStream::try_read(std::span<std::byte> buffer) {
  check_reachable(buffer.data(), "TcpStream::read into a buffer");
  const Pollable::Use use(pollable_);
  if (use.get() < 0) return os::fail(EBADF, "recv");
  if (auto received = pollable_.take_received(buffer)) return *received;
  const auto got = platform::read_some(use.get(), buffer);
  if (!got) {
    if (os::would_block(got.error())) pollable_.read_would_block();
  } else if (*got < buffer.size()) {
    pollable_.read_was_short();
  }
  return got;
}

os::Result<std::size_t> TcpStream::read(std::span<std::byte> buffer, const Context& context) {
  for (;;) {
    if (auto waited = wait_readable(context); !waited) return std::unexpected(waited.error());
    auto got = try_read(buffer);
    if (got || !os::would_block(got.error())) return got;
  }
}

os::Result<std::size_t> TcpStream::write(std::span<const std::byte> bytes, const Context& context) {
  check_reachable(bytes.data(), "TcpStream::write of bytes");
  std::span<const std::byte> rest = bytes;
  while (!rest.empty()) {
    if (auto waited = pollable_.wait_writable(WaitReason::write, context); !waited) {
      return std::unexpected(waited.error());
    }
    const Pollable::Use use(pollable_);
    if (use.get() < 0) return os::fail(EBADF, "send");
    const Outgoing outgoing = pollable_.send_later(rest);
    if (outgoing == Outgoing::taken) break;
    if (outgoing == Outgoing::must_wait) {
      pollable_.write_would_block();
      continue;
    }
    const auto sent = platform::write_some(use.get(), rest);
    if (!sent && !os::would_block(sent.error())) return sent;
    if (sent) rest = rest.subspan(*sent);
    // A short send has found the buffer full, and the kernel will tell when it is not.
    if (!rest.empty()) pollable_.write_would_block();
  }
  return bytes.size();
}

os::Result<std::size_t> TcpStream::write_parts(std::span<const std::span<const std::byte>> parts,
                                               const Context& context) {
  std::size_t sent_before = 0;
  std::size_t offset = 0;  // of what is left of the first part
  for (const auto& part : parts) check_reachable(part.data(), "TcpStream::write_parts of bytes");
  for (;;) {
    while (!parts.empty() && offset >= parts.front().size()) {
      offset -= parts.front().size();
      parts = parts.subspan(1);
    }
    if (parts.empty()) return sent_before;
    if (auto waited = pollable_.wait_writable(WaitReason::write, context); !waited) {
      return std::unexpected(waited.error());
    }
    const Pollable::Use use(pollable_);
    if (use.get() < 0) return os::fail(EBADF, "sendmsg");
    if (!pollable_.flush()) {
      pollable_.write_would_block();
      continue;
    }
    const auto sent = platform::write_some_parts(use.get(), parts, offset);
    if (!sent && !os::would_block(sent.error())) return std::unexpected(sent.error());
    if (sent) sent_before += sent->bytes;
    if (sent) offset += sent->bytes;
    if (!sent || sent->was_short) pollable_.write_would_block();
  }
}

os::Result<std::size_t> TcpStream::try_write(std::span<const std::byte> bytes) {
  const Pollable::Use use(pollable_);
  if (use.get() < 0) return os::fail(EBADF, "send");
  if (!pollable_.flush()) {
    pollable_.write_would_block();
    return os::fail(EAGAIN, "send");
  }
  const auto sent = platform::write_some(use.get(), bytes);
  const bool is_full = sent ? *sent < bytes.size() : os::would_block(sent.error());
  if (is_full) pollable_.write_would_block();
  return sent;
}

os::Result<void> TcpStream::shut_down_write() {
  const Pollable::Use use(pollable_);
  if (use.get() < 0) return os::fail(EBADF, "shutdown");
  if (pollable_.end_after_sends()) return {};
  return platform::shut_down_write(use.get());
}

}  // namespace c1m::runtime
