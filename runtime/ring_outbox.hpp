// What streams have written and the ring has still to send: a place for each stream that has such
// bytes, which are copied there, so that who writes goes on at once and its buffer is free.
// Invariants: bytes of a stream leave in the order in which they were written: as long as it has a
// place, nothing of it is sent past that. No send waits in the kernel (MSG_DONTWAIT), so every one
// that was submitted has completed. A place keeps the number of a closed stream open until its
// bytes have left or the connection has failed. Threads: under the lock of the ring poller.
// Not here: who waits for room (ring_poller.hpp).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "os/address_space.hpp"
#include "os/clock.hpp"
#include "os/descriptor.hpp"
#include "os/result.hpp"
#include "os/ring.hpp"
#include "runtime/poll_descriptor.hpp"

namespace c1m::runtime {

class RingOutbox {
 public:
  // Longer messages are not copied: they are sent by who writes them.
  static constexpr std::size_t message_bytes_max = 2048;
  static constexpr std::uint32_t places_max = 1024;

  // How long a peer may take nothing of what a closed stream has still to send.
  static constexpr os::Nanoseconds unread_max_ns = 60 * os::ns_per_s;

  // ENOMEM.
  [[nodiscard]] static os::Result<RingOutbox> create();
  RingOutbox(RingOutbox&&) = default;
  RingOutbox& operator=(RingOutbox&&) = delete;
  // Closed streams whose bytes have not left are reset: their peers must not take what has come for
  // all of it.
  ~RingOutbox();

  // The number is open, and held by the caller.
  [[nodiscard]] Outgoing put(PollDescriptor& state, std::span<const std::byte> bytes);
  // Sends what is here by a direct call. True when nothing of this stream is left.
  [[nodiscard]] bool flush(PollDescriptor& state);
  // The stream ends when its bytes have left; false when none are here, and the caller ends it.
  [[nodiscard]] bool end_after(PollDescriptor& state);
  // The stream is closed: what is here is sent, and the number comes back unless some is left.
  [[nodiscard]] os::Descriptor close(PollDescriptor& state, os::Descriptor number);
  // The tenant of `state` leaves; its bytes need not have.
  void forget(PollDescriptor& state);

  // Hands everything that was put to the ring. It has to be submitted.
  void queue(os::Ring& ring);
  // Whether something could not be handed over, for want of memory.
  [[nodiscard]] bool is_to_be_queued() const { return !put_.empty(); }
  // A completion with RingTag::is_outgoing() has come. Returns the state that has no place any
  // more, if its tenant is there still.
  [[nodiscard]] PollDescriptor* settle(os::Ring& ring, const os::Completion& completion);
  // The ring is another one, after every completion of the former one was settled.
  void change_rings();

  // Whether a place keeps a number open.
  [[nodiscard]] bool has_closed_streams() const { return closed_ > 0; }
  // How many streams have a place.
  [[nodiscard]] std::size_t places_taken() const { return taken_; }

 private:
  static constexpr std::uint32_t none = UINT32_MAX;

  struct Place {
    PollDescriptor* state = nullptr;  // of the tenant, as long as it is there
    int fd = -1;
    os::Descriptor number;  // of a closed stream
    std::uint16_t begin = 0;
    std::uint16_t end = 0;
    bool is_sending = false;  // the ring has a request to send
    bool is_polling = false;  // ... and one to tell when there is room
    bool is_listed = false;   // in put_
    bool has_room = false;    // an edge came while it was sending
    bool ends_stream = false;
    bool is_over = false;  // its bytes have left, or cannot any more
    std::uint32_t next_free = none;
  };

  explicit RingOutbox(os::AddressSpace memory) : memory_(std::move(memory)) {}

  [[nodiscard]] std::span<std::byte> memory_of(std::uint32_t place);
  [[nodiscard]] std::span<const std::byte> rest_of(std::uint32_t place);
  [[nodiscard]] std::uint32_t take(PollDescriptor& state);
  void append(std::uint32_t place, std::span<const std::byte> bytes);
  void list(std::uint32_t place);
  [[nodiscard]] bool send_now(std::uint32_t place);
  void send(os::Ring& ring, std::uint32_t place);
  void await_room(os::Ring& ring, std::uint32_t place);
  void settle_send(os::Ring& ring, std::uint32_t place, int result);
  void fail(std::uint32_t place);
  PollDescriptor* finish(std::uint32_t place);
  void give_back(std::uint32_t place);

  os::AddressSpace memory_;
  std::vector<Place> places_;
  std::vector<std::uint32_t> put_;     // places whose bytes the ring has not been given
  std::vector<std::uint32_t> queued_;  // empty between calls
  std::uint32_t free_ = none;
  std::size_t taken_ = 0;
  std::size_t closed_ = 0;
};

}  // namespace c1m::runtime
