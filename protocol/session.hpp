// What a server does with one connection's bytes, apart from how they arrive: bytes in, bytes out.
// A backend reads into a buffer, hands the bytes to the session, and sends what the session
// replies. Invariant: a session has no socket, clock or thread, so that every backend runs the same
// code. Threads: a session belongs to its connection; one thread at a time. Not here: timeouts,
// which backends keep.
#pragma once

#include <concepts>
#include <cstddef>
#include <span>

namespace c1m::protocol {

// What to do after receive(): send `bytes`, all of them and in order, then close if `close` is set.
struct Reply {
  // Lies in the received buffer or in the session; valid until either is used again. A backend that
  // cannot send all of it at once keeps a copy of the rest, and reads nothing more until that is
  // sent.
  std::span<const std::byte> bytes;
  bool close = false;
};

// receive() takes all of `input`, which is never empty: the end of the stream is the backend's
// matter. The session may overwrite `input`, which lets a reply be made in place (a WebSocket frame
// is unmasked, and its shorter header written, where it was received).
template <class T>
concept Session = std::default_initializable<T> && std::movable<T> &&
                  requires(T session, std::span<std::byte> input) {
                    { session.receive(input) } -> std::same_as<Reply>;
                  };

}  // namespace c1m::protocol
