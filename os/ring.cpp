// liburing; see ring.hpp.
#include "os/ring.hpp"

#include <liburing.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>

#include "os/assert.hpp"

namespace c1m::os {
namespace {

constexpr unsigned requests_max = 1024;       // queued at once; more are submitted in between
constexpr unsigned completions_max = 16'384;  // unreaped, before the kernel keeps them aside
constexpr int buffer_group = 0;
// What cancel() leaves out of sight; no request of a caller has it.
constexpr std::uint64_t nobodys_tag = UINT64_MAX;

Result<void> outcome(int result, const char* operation) {
  // The last two: no memory for a request, or no room for completions; what was queued stays
  // queued.
  const bool passing =
      result == -ETIME || result == -EINTR || result == -EAGAIN || result == -EBUSY;
  if (result >= 0 || passing) return {};
  return fail(-result, operation);
}

__kernel_timespec timespec_of(Nanoseconds timeout_ns) {
  return {.tv_sec = timeout_ns / ns_per_s, .tv_nsec = timeout_ns % ns_per_s};
}

// A place in the queue of requests, or nullptr when submitting makes none.
io_uring_sqe* place(io_uring& ring, Result<void>& submitted) {
  io_uring_sqe* request = ::io_uring_get_sqe(&ring);
  if (request != nullptr) return request;
  submitted = outcome(::io_uring_submit(&ring), "io_uring_enter");
  request = ::io_uring_get_sqe(&ring);
  if (request == nullptr && submitted) submitted = fail(EBUSY, "io_uring_enter");
  return request;
}

// Queues what `prepare` makes of a free place.
template <class Prepare>
Result<void> queue(io_uring& ring, std::uint64_t tag, Prepare prepare) {
  C1M_ASSERT(tag != nobodys_tag, "this tag is taken");
  Result<void> submitted;
  io_uring_sqe* request = place(ring, submitted);
  if (request == nullptr) return submitted;
  prepare(request);
  ::io_uring_sqe_set_data64(request, tag);
  return {};
}

}  // namespace

bool Completion::more_will_come() const {
  return (flags & IORING_CQE_F_MORE) != 0;
}

bool Completion::has_buffer() const {
  return (flags & IORING_CQE_F_BUFFER) != 0;
}

std::uint16_t Completion::buffer() const {
  return static_cast<std::uint16_t>(flags >> IORING_CQE_BUFFER_SHIFT);
}

bool Completion::is_writable() const {
  return result > 0 && (result & (POLLOUT | POLLERR | POLLHUP)) != 0;
}

void Ring::Close::operator()(io_uring* ring) const {
  ::io_uring_queue_exit(ring);
  delete ring;  // NOLINT(cppcoreguidelines-owning-memory): this is the owner's deleter
}

Ring::Ring(std::unique_ptr<io_uring, Close> ring, Sharing sharing)
    : ring_(std::move(ring)), sharing_(sharing) {}

Result<Ring> Ring::create(Sharing sharing) {
  io_uring_params params{};
  params.flags = IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP;
  if (sharing == Sharing::one_thread) {
    params.flags |= IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
                    IORING_SETUP_COOP_TASKRUN | IORING_SETUP_R_DISABLED;
  }
  params.cq_entries = completions_max;
  auto memory = std::make_unique<io_uring>();
  const int result = ::io_uring_queue_init_params(requests_max, memory.get(), &params);
  if (result < 0) return fail(-result, "io_uring_setup");
  std::unique_ptr<io_uring, Close> ring(memory.release());
  // A wait with a limit (Linux 5.11), and completions that are never dropped (5.5).
  if ((params.features & IORING_FEAT_EXT_ARG) == 0 || (params.features & IORING_FEAT_NODROP) == 0) {
    return fail(ENOSYS, "io_uring_setup (the kernel is too old)");
  }
  return Ring(std::move(ring), sharing);
}

Result<void> Ring::check_pollable(int fd) {
  struct stat status{};
  if (::fstat(fd, &status) != 0) return last_error("fstat");
  if (S_ISREG(status.st_mode) || S_ISDIR(status.st_mode)) return fail(EPERM, "poll");
  return {};
}

Result<void> Ring::set_buffers(std::span<std::byte> memory, std::size_t count, std::size_t bytes) {
  auto ring_memory = AddressSpace::reserve(count * sizeof(io_uring_buf));
  if (!ring_memory) return std::unexpected(ring_memory.error());
  io_uring_buf_reg registration{};
  registration.ring_addr = reinterpret_cast<std::uintptr_t>(ring_memory->data());
  registration.ring_entries = static_cast<std::uint32_t>(count);
  registration.bgid = buffer_group;
  const int result = ::io_uring_register_buf_ring(ring_.get(), &registration, 0);
  if (result < 0) return fail(-result, "io_uring_register(PBUF_RING)");
  buffer_ring_memory_ = std::move(*ring_memory);
  buffer_ring_ = reinterpret_cast<io_uring_buf_ring*>(buffer_ring_memory_.data());
  ::io_uring_buf_ring_init(buffer_ring_);
  buffers_ = memory;
  buffer_count_ = count;
  buffer_stride_ = memory.size() / count;
  buffer_bytes_ = bytes;
  return {};
}

void Ring::give(std::uint16_t buffer) {
  ::io_uring_buf_ring_add(buffer_ring_, buffers_.data() + buffer * buffer_stride_,
                          static_cast<unsigned>(buffer_bytes_), buffer,
                          ::io_uring_buf_ring_mask(static_cast<std::uint32_t>(buffer_count_)), 0);
  ::io_uring_buf_ring_advance(buffer_ring_, 1);
}

Result<void> Ring::enable() {
  if (sharing_ == Sharing::any_thread) return {};
  // The library of Debian 12 declares io_uring_enable_rings() and does not export it.
  return outcome(::io_uring_register(static_cast<unsigned>(ring_->ring_fd),
                                     IORING_REGISTER_ENABLE_RINGS, nullptr, 0),
                 "io_uring_register(ENABLE_RINGS)");
}

Result<void> Ring::receive(int socket, std::uint64_t tag) {
  return queue(*ring_, tag, [socket](io_uring_sqe* request) {
    ::io_uring_prep_recv_multishot(request, socket, nullptr, 0, 0);
    request->flags |= IOSQE_BUFFER_SELECT;
    request->buf_group = buffer_group;
  });
}

Result<void> Ring::send(int socket, std::span<const std::byte> bytes, std::uint64_t tag) {
  return queue(*ring_, tag, [socket, bytes](io_uring_sqe* request) {
    ::io_uring_prep_send(request, socket, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  });
}

Result<void> Ring::poll_readable(int fd, std::uint64_t tag) {
  return queue(*ring_, tag, [fd](io_uring_sqe* request) {
    ::io_uring_prep_poll_add(request, fd, POLLIN | POLLRDHUP);
  });
}

Result<void> Ring::poll_edges(int fd, Edges edges, std::uint64_t tag) {
  const unsigned events = edges == Edges::readable ? POLLIN : POLLOUT;
  return queue(*ring_, tag, [fd, events](io_uring_sqe* request) {
    ::io_uring_prep_poll_multishot(request, fd, events);
  });
}

Result<void> Ring::cancel(std::uint64_t tag) {
  Result<void> submitted;
  io_uring_sqe* request = place(*ring_, submitted);
  if (request == nullptr) return submitted;
  ::io_uring_prep_cancel64(request, tag, 0);
  ::io_uring_sqe_set_data64(request, nobodys_tag);
  return {};
}

Result<void> Ring::submit() {
  return outcome(::io_uring_submit(ring_.get()), "io_uring_enter");
}

Result<void> Ring::submit_and_run() {
  return outcome(::io_uring_submit_and_get_events(ring_.get()), "io_uring_enter");
}

Result<void> Ring::submit_and_wait(Nanoseconds timeout_ns) {
  if (timeout_ns == 0) return submit_and_run();
  if (timeout_ns < 0) return outcome(::io_uring_submit_and_wait(ring_.get(), 1), "io_uring_enter");
  io_uring_cqe* unused = nullptr;
  __kernel_timespec timeout = timespec_of(timeout_ns);
  return outcome(::io_uring_submit_and_wait_timeout(ring_.get(), &unused, 1, &timeout, nullptr),
                 "io_uring_enter");
}

Result<void> Ring::wait_only(Nanoseconds timeout_ns) {
  if (::io_uring_cq_ready(ring_.get()) > 0) return {};
  __kernel_timespec timeout = timespec_of(std::max<Nanoseconds>(timeout_ns, 0));
  io_uring_getevents_arg argument{};
  if (timeout_ns >= 0) argument.ts = reinterpret_cast<std::uintptr_t>(&timeout);
  return outcome(
      ::io_uring_enter2(static_cast<unsigned>(ring_->ring_fd), 0, timeout_ns == 0 ? 0 : 1,
                        IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG,
                        reinterpret_cast<sigset_t*>(&argument), sizeof argument),
      "io_uring_enter");
}

std::size_t Ring::reap(std::span<Completion> completions) {
  std::size_t count = 0;
  unsigned seen = 0;
  unsigned head = 0;
  io_uring_cqe* entry = nullptr;
  io_uring_for_each_cqe(ring_.get(), head, entry) {
    if (count == completions.size()) break;
    ++seen;
    if (entry->user_data == nobodys_tag) continue;
    completions[count++] = {.tag = entry->user_data, .result = entry->res, .flags = entry->flags};
  }
  ::io_uring_cq_advance(ring_.get(), seen);
  return count;
}

}  // namespace c1m::os
