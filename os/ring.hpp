// io_uring, typed: requests go in, completions come out, and the kernel receives into buffers that
// it picks itself from a set that was given to it. liburing is met in ring.cpp alone.
// Invariants: a request that was queued is submitted by the next submit or wait; a completion is
// returned once. Threads: queueing and submitting by one at a time; wait_only() and reap() by one
// at a time, beside the former. A ring for one thread (Sharing::one_thread) is that thread's alone.
// Not here: what the tags mean, and who waits (runtime/netpoller.hpp).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "os/address_space.hpp"
#include "os/clock.hpp"
#include "os/result.hpp"

// NOLINTBEGIN(readability-identifier-naming): liburing's names
struct io_uring;
struct io_uring_buf_ring;
// NOLINTEND(readability-identifier-naming)

namespace c1m::os {

// What the kernel says about one request.
struct Completion {
  std::uint64_t tag = 0;
  int result = 0;  // of the call, or a negated errno
  std::uint32_t flags = 0;

  // The request stays in force and will complete again.
  [[nodiscard]] bool more_will_come() const;
  // The bytes stand in buffer() of the set.
  [[nodiscard]] bool has_buffer() const;
  [[nodiscard]] std::uint16_t buffer() const;
  // Of a poll: a write would not block, or would fail.
  [[nodiscard]] bool is_writable() const;
};

class Ring {
 public:
  enum class Sharing : std::uint8_t {
    any_thread,
    // Belongs to the thread that calls enable(), and does the kernel's part of a request only while
    // that thread waits or polls (IORING_SETUP_DEFER_TASKRUN): less work for each completion. Calls
    // by others fail with EEXIST.
    one_thread,
  };

  // EPERM where the system or a container's seccomp profile forbids io_uring, ENOSYS or EINVAL
  // where the kernel is too old, ENOMEM.
  [[nodiscard]] static Result<Ring> create(Sharing sharing);
  Ring(Ring&&) = default;
  Ring& operator=(Ring&&) = delete;
  ~Ring() = default;

  // EPERM for what has no state of readiness (a regular file), which poll() would call ready.
  [[nodiscard]] static Result<void> check_pollable(int fd);

  // Divides `memory`, which must outlive the ring, into `count` places, each of which begins with a
  // buffer of `bytes` for receive(): a power of two, at most 32,768. The kernel has none of them
  // before give().
  [[nodiscard]] Result<void> set_buffers(std::span<std::byte> memory, std::size_t count,
                                         std::size_t bytes);
  // The kernel may fill this buffer. One thread at a time, beside everything.
  void give(std::uint16_t buffer);

  [[nodiscard]] Sharing sharing() const { return sharing_; }
  // Before the first request: see Sharing::one_thread.
  [[nodiscard]] Result<void> enable();

  // Each queues a request; a full queue is submitted first, and the error is that of submit().
  // Receives into buffers of the set until the peer's end, an error, or want of buffers (ENOBUFS).
  [[nodiscard]] Result<void> receive(int socket, std::uint64_t tag);
  // Sends what the socket has room for (MSG_DONTWAIT), when it is submitted; the bytes stay in
  // place until then. The completion has their number, EAGAIN when there was no room.
  [[nodiscard]] Result<void> send(int socket, std::span<const std::byte> bytes, std::uint64_t tag);
  // One completion when `fd` is readable or its peer has closed its side, at once if it is already.
  [[nodiscard]] Result<void> poll_readable(int fd, std::uint64_t tag);
  // A completion for each edge, the present state being the first one. The kernel tells of a peer
  // that has closed its side even who asked for writability alone: see Completion::is_writable().
  enum class Edges : std::uint8_t { readable, writable };
  [[nodiscard]] Result<void> poll_edges(int fd, Edges edges, std::uint64_t tag);
  // Ends the request with that tag, which completes with ECANCELED; none of its own on success.
  [[nodiscard]] Result<void> cancel(std::uint64_t tag);

  // Hands the queued requests to the kernel; `also_run` lets it finish what is due.
  [[nodiscard]] Result<void> submit();
  [[nodiscard]] Result<void> submit_and_run();
  // Submits, and waits for a completion at most `timeout_ns` (negative: no limit). A signal or the
  // timeout is a success.
  [[nodiscard]] Result<void> submit_and_wait(Nanoseconds timeout_ns);
  // Waits without touching the queue of requests, so beside a thread that does.
  [[nodiscard]] Result<void> wait_only(Nanoseconds timeout_ns);

  // Takes completions that are there, as many as fit; returns how many. No system call.
  std::size_t reap(std::span<Completion> completions);

 private:
  struct Close {
    void operator()(io_uring* ring) const;
  };
  explicit Ring(std::unique_ptr<io_uring, Close> ring, Sharing sharing);

  AddressSpace buffer_ring_memory_;  // outlives the ring
  std::span<std::byte> buffers_;
  std::unique_ptr<io_uring, Close> ring_;
  io_uring_buf_ring* buffer_ring_ = nullptr;
  std::size_t buffer_count_ = 0;
  std::size_t buffer_stride_ = 0;
  std::size_t buffer_bytes_ = 0;
  Sharing sharing_;
};

}  // namespace c1m::os
