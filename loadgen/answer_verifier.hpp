// Compares each received byte with the byte that was sent, and says which request each answer
// settles. Bytes are compared as they arrive, in pieces of any size; nothing is copied.
//
// When bytes do not fit the oldest request, they may be the answer to a later one of the same
// connection: then the earlier ones were swallowed. That is believed only when the whole answer has
// fitted the later request; else the oldest request counts as answered with wrong bytes.
// Invariant: each request is reported once, in the order of sending.
// Threads: one owner. Not here: sockets and clocks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "loadgen/connection.hpp"
#include "loadgen/payload.hpp"
#include "loadgen/request_pool.hpp"

namespace c1m::loadgen {

// Who is told. The request is still in the pool during the call, and is given back after it.
class AnswerObserver {
 public:
  AnswerObserver() = default;
  AnswerObserver(const AnswerObserver&) = delete;
  AnswerObserver& operator=(const AnswerObserver&) = delete;
  virtual ~AnswerObserver() = default;
  virtual void on_answer(const Request& request, bool corrupt) = 0;
  // A later request was answered instead.
  virtual void on_swallowed(const Request& request) = 0;
  // Bytes arrived while no request was outstanding.
  virtual void on_unexpected_bytes(std::size_t count) = 0;
};

class AnswerVerifier {
 public:
  AnswerVerifier(const Payload& payload, RequestPool& requests)
      : payload_(payload), requests_(requests) {}

  // Takes bytes that arrived on connection number `number`, whose record is `connection`.
  void consume(Connection& connection, std::uint32_t number, std::span<const std::byte> bytes,
               AnswerObserver& observer);

  // Takes a whole message, where the protocol has messages: it answers the first request with the
  // same bytes. `right_kind`: its type, which is not in the bytes, is the request's.
  void take_message(Connection& connection, std::uint32_t number, std::span<const std::byte> bytes,
                    bool right_kind, AnswerObserver& observer);

  // How many later requests a misfit is held against, so that a corrupt answer on a connection
  // with a long queue costs a bounded time.
  static constexpr int candidates_max = 256;

 private:
  [[nodiscard]] std::size_t bytes_to_come(const Connection& connection) const;
  [[nodiscard]] bool fits(RequestIndex request, std::uint32_t number, std::size_t offset,
                          std::span<const std::byte> bytes) const;
  [[nodiscard]] RequestIndex find_later_fit(const Connection& connection, std::uint32_t number,
                                            std::span<const std::byte> piece) const;
  // The request whose message is `bytes`, among those that were sent; no_request when none is.
  [[nodiscard]] RequestIndex find_equal(const Connection& connection, std::uint32_t number,
                                        std::span<const std::byte> bytes) const;
  void settle(Connection& connection, AnswerObserver& observer);
  void pop_head(Connection& connection);

  const Payload& payload_;
  RequestPool& requests_;
};

}  // namespace c1m::loadgen
