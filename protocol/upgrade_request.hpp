// The server's side of the opening handshake (RFC 6455, section 4.2): judges a request's head and
// composes the answer. Invariant: every request gets exactly one answer, and only a request without
// any fault gets 101. Threads: values. Not here: finding the head in the stream (http_head.hpp) and
// subprotocols, of which this server has none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/deflate_terms.hpp"

namespace c1m::protocol {

struct UpgradeRules {
  // Browsers' origins that may connect; empty: all. Requests without an Origin are not a browser's
  // and may always.
  std::vector<std::string> allowed_origins;
  bool may_deflate = false;
};

struct UpgradeVerdict {
  std::uint16_t status = 0;  // 101, or 400, 403, 405, 426, 431
  std::string answer;        // the whole HTTP message
  std::optional<DeflateTerms> deflate;

  [[nodiscard]] bool is_accepted() const { return status == 101; }
};

// `head` ends with its empty line.
[[nodiscard]] UpgradeVerdict judge_upgrade(std::string_view head, const UpgradeRules& rules);

// The answer to what is no HTTP head (400), or is too long for one (431).
[[nodiscard]] UpgradeVerdict refuse_upgrade(std::uint16_t status, std::string_view why);

}  // namespace c1m::protocol
