// The client's side of the opening handshake (RFC 6455, section 4.1): composes the request, judges
// the answer. Threads: values. Not here: redirects, authentication and other answers than 101,
// which are failures.
#pragma once

#include <cstddef>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "protocol/accept_key.hpp"
#include "protocol/deflate_terms.hpp"

namespace c1m::protocol {

struct UpgradeWish {
  std::string host;          // "127.0.0.1:7000", for the header of that name
  std::string target = "/";  // path and query
  std::string origin;        // empty: none is sent
  bool deflate = false;      // offer permessage-deflate
};

[[nodiscard]] std::string upgrade_request(const UpgradeWish& wish,
                                          std::span<const std::byte, nonce_bytes> nonce);

// The terms of compression when the server has agreed to the request with this nonce; the error
// says why it has not. `head` ends with its empty line.
[[nodiscard]] std::expected<std::optional<DeflateTerms>, std::string> judge_answer(
    std::string_view head, const UpgradeWish& wish, std::span<const std::byte, nonce_bytes> nonce);

}  // namespace c1m::protocol
