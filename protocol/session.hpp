// What a server does with one connection's bytes, apart from how they arrive: bytes in, bytes out.
// A backend reads into a buffer, hands the bytes to the session, and does what the reply says.
// Invariant: a session has no socket, clock or thread, so that every backend runs the same code;
// the time is passed in. Threads: a session belongs to its connection; one thread at a time. Not
// here: waiting, which backends do.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "protocol/block.hpp"

namespace c1m::protocol {

// Some steady clock in ms. It wraps after 49 days, so times are compared by their difference.
using Milliseconds = std::uint32_t;
[[nodiscard]] constexpr bool has_come(Milliseconds time, Milliseconds now) {
  return static_cast<std::int32_t>(now - time) >= 0;
}

// What becomes of the connection when a reply has been sent.
enum class After : std::uint8_t {
  keep_open,
  // Send FIN and go on reading: what still comes is to be handed to the session, which ignores it.
  // Closing while the peer sends would reset the connection, and the reply could be lost with it.
  finish,
  close,
};

// Send `bytes`, all of them and in order, then do what `after` says.
struct Reply {
  // Lies in the received buffer or in `storage`. A backend that cannot send all of it at once keeps
  // it, and reads nothing more until it is sent.
  std::span<const std::byte> bytes;
  After after = After::keep_open;
  Block storage;
};

// receive() takes all of `input`, which is never empty: the end of the stream is the backend's
// matter. The session may overwrite `input`, which lets a reply be made in place (a WebSocket frame
// is unmasked, and its shorter header written, where it was received).
//
// A Service is what the sessions of a worker have in common. Where keeps_time is true, expire() is
// to be called at deadline() or soon after; it does nothing earlier. What these two and stop()
// reply may come while earlier bytes are still to be sent, and goes behind them.
template <class T>
concept Session = std::default_initializable<T> && std::movable<T> &&
                  requires(T session, const T still, T::Service& service,
                           std::span<std::byte> input, Milliseconds now) {
                    { T::keeps_time } -> std::convertible_to<bool>;
                    // When the connection is accepted, before anything else.
                    { session.begin(service, now) } -> std::same_as<void>;
                    { session.receive(service, input, now) } -> std::same_as<Reply>;
                    { session.expire(service, now) } -> std::same_as<Reply>;
                    { still.deadline(service) } -> std::same_as<std::optional<Milliseconds>>;
                    // The server stops; the connection is closed when the reply is sent.
                    { session.stop(service, now) } -> std::same_as<Reply>;
                    // The connection has ended, by whomever; nothing comes after this.
                    { session.end(service) } -> std::same_as<void>;
                  };

}  // namespace c1m::protocol
