// The head of an HTTP/1.1 message (RFC 9112), read strictly: lines end in CRLF, nothing is folded,
// no control characters. What lenient parsers read differently is refused, so that no proxy in
// between can see another request than we do. Threads: values. Not here: bodies, and what the
// fields mean (upgrade_request.hpp).
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string_view>
#include <vector>

namespace c1m::protocol {

// Where a head that is still arriving stands.
struct HeadScan {
  enum class Outcome : std::uint8_t { complete, incomplete, wrong };
  Outcome outcome = Outcome::incomplete;
  std::size_t bytes = 0;  // of the head with its empty line; when complete
};

// Looks for the end of the head in `bytes`, of which the first `scanned` have been looked at
// before. Wrong as soon as there is a bare LF or CR, a NUL or another control character.
[[nodiscard]] HeadScan scan_head(std::string_view bytes, std::size_t scanned);

struct HttpField {
  std::string_view name;
  std::string_view value;  // without the white space around it
};

// Views into the text that was parsed.
struct HttpHead {
  std::string_view start_line;
  std::vector<HttpField> fields;

  // How often a field stands here; names do not depend on case.
  [[nodiscard]] std::size_t count(std::string_view name) const;
  // The value of the first such field, or an empty one.
  [[nodiscard]] std::string_view value(std::string_view name) const;
  // Whether a comma-separated list, over all fields of that name, holds `token` in any case.
  [[nodiscard]] bool lists(std::string_view name, std::string_view token) const;
};

// Parses a complete head. The error says what is wrong, and is static.
[[nodiscard]] std::expected<HttpHead, const char*> parse_head(std::string_view head);

// Parts of the grammar that others need as well.
[[nodiscard]] bool is_token(std::string_view text);
[[nodiscard]] bool equal_in_any_case(std::string_view left, std::string_view right);
[[nodiscard]] std::string_view trimmed(std::string_view text);
// Cuts `rest` at the first `separator` and returns what stood before it, trimmed.
[[nodiscard]] std::string_view next_part(std::string_view& rest, char separator);

}  // namespace c1m::protocol
