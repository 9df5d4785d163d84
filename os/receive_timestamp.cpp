// recvmsg(2) with a control message; see receive_timestamp.hpp.
#include "os/receive_timestamp.hpp"

#include <linux/errqueue.h>
#include <linux/net_tstamp.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace c1m::os {
namespace {

// Room for the three stamps, and for one more message that somebody may have asked for.
constexpr std::size_t control_bytes = 128;

std::optional<Nanoseconds> stamp_of(msghdr& message) {
  for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr;
       part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_TIMESTAMPING) continue;
    scm_timestamping stamps{};
    std::memcpy(&stamps, CMSG_DATA(part), sizeof stamps);
    const timespec& software = stamps.ts[0];
    if (software.tv_sec == 0 && software.tv_nsec == 0) return std::nullopt;
    return software.tv_sec * ns_per_s + software.tv_nsec;
  }
  return std::nullopt;
}

}  // namespace

Result<void> enable_receive_timestamps(int fd) {
  const int wanted = SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE;
  if (::setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPING, &wanted, sizeof wanted) == 0) return {};
  return last_error("setsockopt SO_TIMESTAMPING");
}

Result<StampedRead> read_some_stamped(int fd, std::span<std::byte> buffer) {
  iovec part{.iov_base = buffer.data(), .iov_len = buffer.size()};
  alignas(cmsghdr) std::array<char, control_bytes> control{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  ssize_t got = -1;
  do {
    got = ::recvmsg(fd, &message, 0);
  } while (got < 0 && errno == EINTR);
  if (got < 0) return last_error("recvmsg");
  return StampedRead{.bytes = static_cast<std::size_t>(got),
                     .received_realtime_ns = stamp_of(message)};
}

}  // namespace c1m::os
