// A descriptor that coroutines wait for: a socket, pipe, eventfd, signalfd, timerfd.
// Invariants: one edge-triggered registration for its whole life; at most one coroutine waits for
// reading and one for writing; the number is closed, so reusable, only when no operation holds it.
// Threads: created by a coroutine; other functions by coroutines of the same runtime, at once if
// they differ in direction; close() and the deadlines beside anything. Moving needs an idle object.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "os/clock.hpp"
#include "os/descriptor.hpp"
#include "os/result.hpp"
#include "runtime/cancellation.hpp"
#include "runtime/poll_descriptor.hpp"
#include "runtime/wait_reason.hpp"

namespace c1m::runtime {

class Netpoller;
struct WaitSources;

class Pollable {
 public:
  // Takes over a non-blocking descriptor and registers it. EPERM when epoll cannot watch it (a
  // regular file), ENOMEM, ENOSPC at the system's limits. Closes the descriptor on failure.
  [[nodiscard]] static os::Result<Pollable> adopt(os::Descriptor descriptor);

  Pollable() = default;
  Pollable(Pollable&& other) noexcept;
  Pollable& operator=(Pollable&& other) noexcept;
  Pollable(const Pollable&) = delete;
  Pollable& operator=(const Pollable&) = delete;
  // Nobody may be waiting any more.
  ~Pollable();

  // Returns when a read (write) is likely not to block; the caller must still expect EAGAIN.
  // Returns at once until one of the functions below has told that the next call would block.
  // ETIMEDOUT at the deadline, EBADF after close(), ECANCELED after Runtime::stop(), the context's
  // error() once that is cancelled. `reason` is for dumps.
  [[nodiscard]] os::Result<void> wait_readable(WaitReason reason = WaitReason::read,
                                               const Context& context = background) {
    return wait({Direction::read, reason}, context, "wait_readable");
  }
  [[nodiscard]] os::Result<void> wait_writable(WaitReason reason = WaitReason::write,
                                               const Context& context = background) {
    return wait({Direction::write, reason}, context, "wait_writable");
  }

  // What the owner of the I/O learns from its calls on the descriptor. Registrations are
  // edge-triggered, so after EAGAIN the next wait must be told, or it returns at once again.
  void read_would_block();
  void write_would_block();
  // A read has returned less than it asked for: on a stream socket that means that the next one
  // would block, which saves asking. Without effect once the peer has closed its side, because the
  // end of the stream is still to be read then.
  void read_was_short();

  // For a stream socket that is read through take_received() first: the poller may receive before
  // it is asked. Before the first wait; without effect with epoll.
  void receive_ahead();
  // What the poller has received, or that nothing is there (EAGAIN), or an error; nothing when the
  // caller has to ask the socket itself. By the reader, inside a Use.
  [[nodiscard]] std::optional<os::Result<std::size_t>> take_received(std::span<std::byte> buffer);

  // For a stream socket: the poller may send these bytes when it polls next, in which case they are
  // copied. must_wait: call write_would_block() and wait_writable(), then try again. By the writer,
  // inside a Use.
  [[nodiscard]] Outgoing send_later(std::span<const std::byte> bytes);
  // Sends at once what the poller was given so; false when it could not send all of it.
  [[nodiscard]] bool flush();
  // Ends the stream (shutdown) when that has left; false when nothing is left, and the caller does
  // it. By the writer, inside a Use.
  [[nodiscard]] bool end_after_sends();

  // Times (now_ns() of sleep.hpp) at which waits fail with ETIMEDOUT, those going on included; a
  // passed one fails every wait that would park. Stay set until changed.
  void set_read_deadline(os::Nanoseconds deadline_ns);
  void set_write_deadline(os::Nanoseconds deadline_ns);

  // Wakes both sides with EBADF and closes the number as soon as no operation uses it. Again: no
  // effect.
  void close();

  // False for an empty object and after close().
  [[nodiscard]] bool is_open() const;

  // Holds the descriptor's number for one operation, so that a close() in between cannot let the
  // kernel give it to someone else. get() is -1 when the Pollable was closed before.
  class Use {
   public:
    explicit Use(const Pollable& pollable);
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;
    ~Use();
    [[nodiscard]] int get() const { return fd_; }

   private:
    Netpoller* poller_;
    PollDescriptor* state_;
    int fd_ = -1;
  };

 private:
  struct Wish {
    Direction direction;
    WaitReason reason;
  };
  Pollable(Netpoller& poller, PollDescriptor& state) : poller_(&poller), state_(&state) {}
  // Here, so that the loop's values, which are constants to most callers, take no room in the
  // frames of a coroutine that waits.
  [[nodiscard]] os::Result<void> wait(Wish wish, const Context& context, const char* operation) {
    int outcome = again;
    while (outcome == again) outcome = wait_once(wish, context);
    if (outcome != 0) return os::fail(outcome, operation);
    return {};
  }
  // An errno, 0 when it is ready, or one of these.
  static constexpr int again = -1;
  static constexpr int to_park = -2;
  [[nodiscard]] int wait_once(Wish wish, const Context& context);
  // `sources` are to be given back after the park.
  struct Begun {
    int outcome;
    WaitSources* sources = nullptr;
  };
  [[nodiscard]] Begun begin_wait(PollWord& word, Wish wish, const Context& context);
  void set_deadline(Direction direction, os::Nanoseconds deadline_ns);

  Netpoller* poller_ = nullptr;
  PollDescriptor* state_ = nullptr;
};

}  // namespace c1m::runtime
