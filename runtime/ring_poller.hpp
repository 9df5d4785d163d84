// The netpoller's second way to learn what is ready: io_uring. A stream's bytes are received by the
// kernel into buffers that all streams share, before anybody asks; other readers poll once for each
// wait, and a writer that had to wait is told of edges from then on.
// Invariants: a descriptor has at most one receive and one poll for each direction in the kernel;
// nobody reads a socket by itself while a receive is armed; a number is closed only after its
// requests were submitted and cancelled; a buffer is the kernel's, or one descriptor's, unread.
// Threads: every function by any, under one lock; poll() by who has claimed the netpoller.
// Not here: the words in which coroutines wait (poll_word.hpp); what is to be sent
// (ring_outbox.hpp).
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "os/address_space.hpp"
#include "os/clock.hpp"
#include "os/descriptor.hpp"
#include "os/result.hpp"
#include "os/ring.hpp"
#include "runtime/atomic.hpp"
#include "runtime/platform.hpp"
#include "runtime/poll_descriptor.hpp"
#include "runtime/ring_outbox.hpp"

namespace c1m::runtime {

class RingPoller {
 public:
  static constexpr std::size_t completions_max = 128;  // a poll
  // A stream whose owner does not read is taken off the ring at this many buffers. The kernel may
  // fill more before it hears of that: a few dozen with a ring of one thread; with one of all
  // threads up to all of them, and then the other streams are read as with epoll.
  static constexpr std::uint16_t unread_buffers_max = 16;
  // How long the end of a run waits for peers that are slow to take the last bytes.
  static constexpr os::Nanoseconds closing_max_ns = 5 * os::ns_per_s;

  struct Options {
    // The ring belongs to the first thread that uses it, until another one polls.
    os::Ring::Sharing sharing = os::Ring::Sharing::one_thread;
    std::size_t buffers = 0;  // a power of two
    std::size_t buffer_bytes = 0;
  };

  // `descriptors` is the array in which all states lie; `wake_event` ends a poll.
  [[nodiscard]] static os::Result<std::unique_ptr<RingPoller>> create(
      const Options& options, PollDescriptor* descriptors, platform::WakeEvent& wake_event);
  RingPoller(const RingPoller&) = delete;
  RingPoller& operator=(const RingPoller&) = delete;
  ~RingPoller();

  // A descriptor gets a new tenant. EPERM for one that cannot be waited for.
  [[nodiscard]] os::Result<void> adopt(PollDescriptor& state);
  // Reads of this stream shall come through the ring. By its owner, before the first wait.
  void receive_ahead(PollDescriptor& state);
  // The tenant's number is to be closed, now or as soon as the ring's thread can.
  void close(PollDescriptor& state, os::Descriptor number);
  // The tenant has left, its sequence number is raised: what it has not read is dropped.
  void forget(PollDescriptor& state);

  // The coroutine that uses this direction is about to wait: is there something to ask the kernel?
  [[nodiscard]] bool wants(const PollDescriptor& state, Direction direction) const;
  // Asks it. When wanted, inside a hold on the number.
  [[nodiscard]] os::Result<void> arm(PollDescriptor& state, Direction direction);

  // What the ring has for the reader of a stream.
  struct Taken {
    std::size_t bytes = 0;
    int error = 0;           // when there are no bytes: what ended the receive, once
    bool receiving = false;  // more will come by itself; otherwise the reader asks the socket
  };
  [[nodiscard]] Taken take(PollDescriptor& state, std::span<std::byte> buffer);

  // What the writer of a stream has for the ring, which sends when it is polled next. By who holds
  // the number.
  [[nodiscard]] Outgoing send_later(PollDescriptor& state, std::span<const std::byte> bytes);
  // Sends what the ring has of this stream; false when some is left.
  [[nodiscard]] bool flush(PollDescriptor& state);
  // Ends the stream after that; false when nothing is left, and the caller does it.
  [[nodiscard]] bool end_after_sends(PollDescriptor& state);
  // The run has ended: nobody waits, nor is going to poll for a while. What was written leaves; for
  // closed streams this waits until it has, at most closing_max_ns. `created` as in poll().
  void end_run(std::uint32_t created);

  // See Netpoller::poll(). `created` states have had a tenant.
  std::size_t poll(os::Nanoseconds timeout_ns, std::uint32_t created, std::span<WakeToken> wakes);

  [[nodiscard]] std::uint64_t completions() const { return completions_seen_.get(); }
  [[nodiscard]] std::uint64_t stale_completions() const { return stale_completions_.get(); }
  // How many buffers streams have not read.
  [[nodiscard]] std::size_t buffers_held() const { return held_.load(std::memory_order_relaxed); }
  // How many streams have bytes that the ring is to send.
  [[nodiscard]] std::size_t streams_to_send() const {
    return to_send_.load(std::memory_order_relaxed);
  }
  // Whether the ring was one thread's and has become everybody's.
  [[nodiscard]] bool changed() const { return changed_.load(std::memory_order_relaxed); }

 private:
  struct Buffer {
    std::uint32_t bytes = 0;
    std::uint16_t next = 0;
    bool held = false;
  };
  // What a thread that may not touch the ring leaves to the one that polls, in order.
  struct Errand {
    enum class What : std::uint8_t { arm, close } what = What::arm;
    std::uint32_t index = 0;
    std::uint64_t sequence = 0;
    std::uint8_t requests = 0;
    os::Descriptor number;  // for close
    int fd = -1;            // for arm
  };

  RingPoller(os::Ring ring, os::AddressSpace memory, RingOutbox outbox, const Options& options,
             PollDescriptor* descriptors, platform::WakeEvent& wake_event);

  // All of these with mutex_ held, but the one that is static.
  [[nodiscard]] os::Result<void> give_free_buffers(os::Ring& ring);
  [[nodiscard]] bool may_use_ring();
  [[nodiscard]] os::Result<void> request(std::uint8_t what, int fd, std::uint64_t tag);
  [[nodiscard]] os::Result<void> cancel(std::uint8_t requests, std::uint64_t sequence,
                                        std::uint32_t index);
  void run_errands();
  [[nodiscard]] bool become_shared(std::uint32_t created);
  std::size_t wake_disturbed(std::span<WakeToken> wakes);
  void watch_wake_event();
  // What a completion changes; the descriptor and direction that it is about, if it has one still.
  struct About {
    PollDescriptor* state = nullptr;
    Direction direction = Direction::read;
  };
  [[nodiscard]] About settle(const os::Completion& completion);
  // Settles what has completed, fills `wakes` from `count` on; returns how many there are then.
  std::size_t reap(std::span<WakeToken> wakes, std::size_t count);
  // Everything, when no coroutine waits.
  void settle_all();
  void settle_receive(PollDescriptor& state, std::uint32_t index, const os::Completion& completion);
  void keep(PollDescriptor& state, const os::Completion& completion);
  void give_back(std::uint16_t buffer);

  // A cache line more than a buffer, so that the beginnings of buffers, which are all that short
  // messages touch, fall into different sets of the processor's caches.
  [[nodiscard]] static constexpr std::size_t buffer_stride(const Options& options) {
    return options.buffer_bytes + 64;
  }
  [[nodiscard]] std::uint32_t index_of(const PollDescriptor& state) const {
    return static_cast<std::uint32_t>(&state - descriptors_);
  }

  const Options options_;
  PollDescriptor* const descriptors_;
  platform::WakeEvent& wake_event_;

  mutable ThreadMutex mutex_;
  os::AddressSpace memory_;       // of the buffers; outlives the ring
  std::vector<Buffer> buffers_;   // guarded by mutex_, as all below
  std::optional<os::Ring> ring_;  // waits happen outside of the lock, by who has claimed
  std::uint64_t owner_ = 0;       // of a ring for one thread; 0: nobody yet
  std::vector<Errand> errands_;
  RingOutbox outbox_;
  std::uint32_t disturbed_begin_ = 0;  // states that a change of rings has disturbed: sought here
  std::uint32_t disturbed_end_ = 0;

  std::array<os::Completion, completions_max> completions_{};  // the claimer's
  Atomic<std::size_t> held_ = 0;                               // how many of buffers_ are
  Atomic<std::size_t> to_send_ = 0;                            // places taken in outbox_
  Atomic<bool> changed_ = false;
  Counter completions_seen_;
  Counter stale_completions_;
};

}  // namespace c1m::runtime
