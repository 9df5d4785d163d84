// Lines and fields of HTTP heads; see http_head.hpp.
#include "protocol/http_head.hpp"

#include <algorithm>

namespace c1m::protocol {
namespace {

constexpr std::string_view line_end = "\r\n";

bool is_alphanumeric(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

// RFC 9110, section 5.6.2.
bool is_token_char(char c) {
  constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
  return is_alphanumeric(c) || marks.contains(c);
}

bool is_control_char(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte == 0x7f;
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

}  // namespace

HeadScan scan_head(std::string_view bytes, std::size_t scanned) {
  constexpr std::string_view end = "\r\n\r\n";
  constexpr HeadScan wrong{.outcome = HeadScan::Outcome::wrong, .bytes = 0};
  for (std::size_t i = scanned; i < bytes.size(); ++i) {
    const char c = bytes[i];
    const bool after_cr = i > 0 && bytes[i - 1] == '\r';
    if (after_cr != (c == '\n')) return wrong;
    if (is_control_char(c) && c != '\r' && c != '\n' && c != '\t') return wrong;
    const std::size_t size = i + 1;
    if (c == '\n' && bytes.substr(0, size).ends_with(end))
      return {.outcome = HeadScan::Outcome::complete, .bytes = size};
  }
  return {};
}

bool is_token(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, is_token_char);
}

bool equal_in_any_case(std::string_view left, std::string_view right) {
  return std::ranges::equal(left, right, {}, lower, lower);
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view white = " \t";
  const std::size_t begin = text.find_first_not_of(white);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(white) - begin + 1);
}

std::string_view next_part(std::string_view& rest, char separator) {
  const std::size_t end = rest.find(separator);
  const std::string_view part = rest.substr(0, end);
  rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
  return trimmed(part);
}

std::expected<HttpHead, const char*> parse_head(std::string_view head) {
  HttpHead parsed;
  bool is_first = true;
  while (true) {
    const std::size_t end = head.find(line_end);
    if (end == std::string_view::npos) return std::unexpected("the head has no end");
    const std::string_view line = head.substr(0, end);
    head.remove_prefix(end + line_end.size());
    if (is_first) {
      if (line.empty()) return std::unexpected("an empty line before the head");
      parsed.start_line = line;
      is_first = false;
      continue;
    }
    if (line.empty()) return parsed;
    if (line.front() == ' ' || line.front() == '\t') return std::unexpected("a folded header");
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) return std::unexpected("a header without a colon");
    const std::string_view name = line.substr(0, colon);
    if (!is_token(name)) return std::unexpected("a header with a bad name");
    const std::string_view value = trimmed(line.substr(colon + 1));
    const auto is_bad = [](char c) { return is_control_char(c) && c != '\t'; };
    if (std::ranges::any_of(value, is_bad))
      return std::unexpected("a control character in a header");
    parsed.fields.push_back({.name = name, .value = value});
  }
}

std::size_t HttpHead::count(std::string_view name) const {
  return static_cast<std::size_t>(std::ranges::count_if(
      fields, [name](const HttpField& field) { return equal_in_any_case(field.name, name); }));
}

std::string_view HttpHead::value(std::string_view name) const {
  const auto found = std::ranges::find_if(
      fields, [name](const HttpField& field) { return equal_in_any_case(field.name, name); });
  return found == fields.end() ? std::string_view{} : found->value;
}

bool HttpHead::lists(std::string_view name, std::string_view token) const {
  for (const HttpField& field : fields) {
    if (!equal_in_any_case(field.name, name)) continue;
    std::string_view rest = field.value;
    while (!rest.empty()) {
      if (equal_in_any_case(next_part(rest, ','), token)) return true;
    }
  }
  return false;
}

}  // namespace c1m::protocol
