// Matching bytes to requests; see answer_verifier.hpp.
#include "loadgen/answer_verifier.hpp"

#include <algorithm>
#include <cstring>

#include "os/assert.hpp"

namespace c1m::loadgen {

void AnswerVerifier::consume(Connection& connection, std::uint32_t number,
                             std::span<const std::byte> bytes, AnswerObserver& observer) {
  while (!bytes.empty()) {
    const std::size_t missing = bytes_to_come(connection);
    if (missing == 0) {
      observer.on_unexpected_bytes(bytes.size());
      return;
    }
    const auto piece = bytes.first(std::min(missing, bytes.size()));
    bytes = bytes.subspan(piece.size());
    if (connection.matching == no_request) connection.matching = connection.head;
    if (!connection.answer_is_corrupt &&
        !fits(connection.matching, number, connection.received_bytes, piece)) {
      const RequestIndex later = find_later_fit(connection, number, piece);
      connection.answer_is_corrupt = later == no_request;
      connection.matching = later == no_request ? connection.head : later;
    }
    connection.received_bytes += static_cast<std::uint32_t>(piece.size());
    if (connection.received_bytes == payload_.message_bytes()) settle(connection, observer);
  }
}

// How much of the oldest request's answer may still arrive: no more than was sent of it.
std::size_t AnswerVerifier::bytes_to_come(const Connection& connection) const {
  if (connection.head == no_request) return 0;
  const bool is_whole = connection.head != connection.first_unsent;
  const std::size_t sent = is_whole ? payload_.message_bytes() : connection.sent_bytes;
  return sent - connection.received_bytes;
}

bool AnswerVerifier::fits(RequestIndex request, std::uint32_t number, std::size_t offset,
                          std::span<const std::byte> bytes) const {
  const auto expected = payload_.message(number, requests_[request].sequence);
  return std::memcmp(expected.data() + offset, bytes.data(), bytes.size()) == 0;
}

// The bytes before `piece` are not kept, but they were equal to the expected bytes of
// `connection.matching`: a candidate must agree with those, and with the piece.
RequestIndex AnswerVerifier::find_later_fit(const Connection& connection, std::uint32_t number,
                                            std::span<const std::byte> piece) const {
  const auto before = payload_.message(number, requests_[connection.matching].sequence)
                          .first(connection.received_bytes);
  RequestIndex candidate = requests_[connection.matching].next;
  for (int tried = 0; tried < candidates_max; ++tried) {
    if (candidate == no_request || candidate == connection.first_unsent) return no_request;
    if (fits(candidate, number, 0, before) && fits(candidate, number, before.size(), piece)) {
      return candidate;
    }
    candidate = requests_[candidate].next;
  }
  return no_request;
}

void AnswerVerifier::take_message(Connection& connection, std::uint32_t number,
                                  std::span<const std::byte> bytes, bool right_kind,
                                  AnswerObserver& observer) {
  if (connection.head == no_request || connection.head == connection.first_unsent) {
    // An empty one counts too.
    observer.on_unexpected_bytes(std::max<std::size_t>(1, bytes.size()));
    return;
  }
  const RequestIndex equal = find_equal(connection, number, bytes);
  connection.answer_is_corrupt = equal == no_request || !right_kind;
  connection.matching = equal == no_request ? connection.head : equal;
  settle(connection, observer);
}

RequestIndex AnswerVerifier::find_equal(const Connection& connection, std::uint32_t number,
                                        std::span<const std::byte> bytes) const {
  RequestIndex candidate = connection.head;
  for (int tried = 0; tried <= candidates_max; ++tried) {
    if (candidate == no_request || candidate == connection.first_unsent) return no_request;
    const auto expected = payload_.message(number, requests_[candidate].sequence);
    const bool is_as_long = expected.size() == bytes.size();
    if (is_as_long && std::memcmp(expected.data(), bytes.data(), bytes.size()) == 0) {
      return candidate;
    }
    candidate = requests_[candidate].next;
  }
  return no_request;
}

void AnswerVerifier::settle(Connection& connection, AnswerObserver& observer) {
  while (connection.head != connection.matching) {
    observer.on_swallowed(requests_[connection.head]);
    pop_head(connection);
  }
  observer.on_answer(requests_[connection.head], connection.answer_is_corrupt);
  pop_head(connection);
  connection.matching = no_request;
  connection.received_bytes = 0;
  connection.answer_is_corrupt = false;
}

void AnswerVerifier::pop_head(Connection& connection) {
  const RequestIndex settled = connection.head;
  C1M_ASSERT(settled != connection.first_unsent, "only a request that was sent whole is settled");
  connection.head = requests_[settled].next;
  if (connection.head == no_request) connection.tail = no_request;
  requests_.give_back(settled);
}

}  // namespace c1m::loadgen
