// What the ring poller writes on its requests, so that a completion finds whom it is about: the
// tenant's sequence number, the index of the descriptor, and which of its requests.
// Invariant: a tag of a tenant that has left equals none of the present one (until 2^30 tenants
// later). Threads: pure functions. Not here: what is done about a completion (ring_poller.cpp).
#pragma once

#include <cerrno>
#include <cstdint>

#include "runtime/poll_descriptor.hpp"

namespace c1m::runtime {

// Flags of PollDescriptor::ring_requests: what the kernel has of this tenant, ...
inline constexpr std::uint8_t receive_request = 1;
inline constexpr std::uint8_t read_poll_request = 2;
inline constexpr std::uint8_t write_poll_request = 4;
inline constexpr std::uint8_t all_requests = 7;
// ... which directions lost a request when the ring was changed, ...
inline constexpr std::uint8_t read_disturbed = 8;
inline constexpr std::uint8_t write_disturbed = 16;
// ... that it is a stream, whose bytes are received ahead, ...
inline constexpr std::uint8_t receives_ahead = 32;
// ... that the outbox has bytes of it, and that it could not send some.
inline constexpr std::uint8_t send_request = 64;
inline constexpr std::uint8_t send_failed = 128;

constexpr Direction direction_of(std::uint8_t request) {
  return request == write_poll_request ? Direction::write : Direction::read;
}

// Whether a request has failed for a reason that says nothing about its socket: it can be made
// again.
constexpr bool is_passing(int error) {
  return error == EAGAIN || error == EINTR || error == ENOMEM || error == ENOBUFS ||
         error == ECANCELED;
}

class RingTag {
 public:
  // No request of a descriptor has these two lowest bits: other_bits.
  static constexpr std::uint64_t wake_event = 3;

  // Of the outbox: a send from this place, and the room that it waits for.
  static constexpr std::uint64_t outgoing(std::uint32_t place) {
    return (std::uint64_t{place} + 1) << place_shift | other_bits;
  }
  static constexpr std::uint64_t outgoing_room(std::uint32_t place) {
    return outgoing(place) | room_bit;
  }

  static constexpr std::uint64_t bits(std::uint64_t sequence, std::uint32_t index,
                                      std::uint8_t request) {
    return (sequence & sequence_mask) << sequence_shift | std::uint64_t{index} << index_shift |
           code_of(request);
  }

  explicit constexpr RingTag(std::uint64_t bits) : bits_(bits) {}
  [[nodiscard]] constexpr std::uint8_t request() const {
    return static_cast<std::uint8_t>(1U << (bits_ & 3));
  }
  [[nodiscard]] constexpr std::uint32_t index() const {
    return static_cast<std::uint32_t>(bits_ >> index_shift);
  }
  [[nodiscard]] constexpr bool is_outgoing() const {
    return (bits_ & other_bits) == other_bits && bits_ != wake_event;
  }
  [[nodiscard]] constexpr bool is_about_room() const { return (bits_ & room_bit) != 0; }
  [[nodiscard]] constexpr std::uint32_t place() const {
    return static_cast<std::uint32_t>((bits_ >> place_shift) - 1);
  }
  [[nodiscard]] constexpr bool is_of(std::uint64_t sequence) const {
    return bits_ >> sequence_shift == (sequence & sequence_mask);
  }

 private:
  static constexpr std::uint64_t other_bits = 3;
  static constexpr std::uint64_t room_bit = 4;
  static constexpr int place_shift = 3;
  static constexpr int index_shift = 2;
  static constexpr int sequence_shift = 34;
  static constexpr std::uint64_t sequence_mask = (std::uint64_t{1} << (64 - sequence_shift)) - 1;

  static constexpr std::uint64_t code_of(std::uint8_t request) {
    if (request == receive_request) return 0;
    return request == read_poll_request ? 1 : 2;
  }

  std::uint64_t bits_;
};

}  // namespace c1m::runtime
