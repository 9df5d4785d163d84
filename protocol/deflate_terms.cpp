// The grammar of RFC 6455, section 9.1, and the parameters of RFC 7692, section 7.1; see
// deflate_terms.hpp.
#include "protocol/deflate_terms.hpp"

#include <algorithm>

namespace c1m::protocol {
namespace {

constexpr std::string_view extension_name = "permessage-deflate";
constexpr std::string_view header_name = "Sec-WebSocket-Extensions";

// Reads one header's value. White space may stand between any two parts.
class ExtensionReader {
 public:
  explicit ExtensionReader(std::string_view text) : rest_(trimmed(text)) {}

  // False when the text is not a list of extensions. Empty elements of a list are passed over
  // (RFC 9110, section 5.6.1.2).
  bool read_all(std::vector<Extension>& extensions) {
    while (!rest_.empty()) {
      if (take(',')) continue;
      Extension extension{.name = token(), .parameters = {}};
      if (extension.name.empty()) return false;
      while (take(';')) {
        if (!read_parameter(extension.parameters)) return false;
      }
      extensions.push_back(std::move(extension));
      if (!rest_.empty() && rest_.front() != ',') return false;
    }
    return true;
  }

 private:
  bool take(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_ = trimmed(rest_.substr(1));
    return true;
  }

  std::string_view token() {
    const std::size_t end = std::min(rest_.find_first_of(",;= \t\""), rest_.size());
    const std::string_view found = rest_.substr(0, end);
    if (!is_token(found)) return {};
    rest_ = trimmed(rest_.substr(end));
    return found;
  }

  bool read_parameter(std::vector<ExtensionParameter>& parameters) {
    ExtensionParameter parameter{.name = token(), .value = std::nullopt};
    if (parameter.name.empty()) return false;
    if (take('=')) {
      parameter.value = value();
      // A value is a token, also between quotes.
      if (!parameter.value || !is_token(*parameter.value)) return false;
    }
    parameters.push_back(std::move(parameter));
    return true;
  }

  std::optional<std::string> value() {
    if (rest_.empty() || rest_.front() != '"') return std::string(token());
    std::string text;
    for (std::size_t i = 1; i < rest_.size(); ++i) {
      if (rest_[i] == '"') {
        rest_ = trimmed(rest_.substr(i + 1));
        return text;
      }
      if (rest_[i] == '\\') ++i;
      if (i < rest_.size()) text += rest_[i];
    }
    return std::nullopt;
  }

  std::string_view rest_;
};

// "8" to "15", without leading zeros.
std::optional<std::uint8_t> window_bits(const std::optional<std::string>& text) {
  if (!text) return std::nullopt;
  for (std::uint8_t bits = 8; bits <= DeflateTerms::window_bits_max; ++bits) {
    if (*text == std::to_string(bits)) return bits;
  }
  return std::nullopt;
}

bool has_duplicates(const Extension& extension) {
  std::vector<std::string_view> names;
  names.reserve(extension.parameters.size());
  for (const ExtensionParameter& parameter : extension.parameters) names.push_back(parameter.name);
  std::ranges::sort(names);
  return std::ranges::adjacent_find(names) != names.end();
}

std::optional<DeflateTerms> accept_offer(const Extension& offer) {
  constexpr std::uint8_t window_bits_min = 9;  // zlib's, without a zlib header
  DeflateTerms terms;
  if (offer.name != extension_name || has_duplicates(offer)) return std::nullopt;
  for (const ExtensionParameter& parameter : offer.parameters) {
    const bool is_bare = !parameter.value;
    const auto bits = window_bits(parameter.value);
    if (parameter.name == "server_no_context_takeover" ||
        parameter.name == "client_no_context_takeover") {
      if (!is_bare) return std::nullopt;
    } else if (parameter.name == "client_max_window_bits") {
      if (!is_bare && !bits) return std::nullopt;  // we inflate with the largest window
    } else if (parameter.name == "server_max_window_bits") {
      if (!bits || *bits < window_bits_min) return std::nullopt;
      terms.own_window_bits = *bits;
    } else {
      return std::nullopt;
    }
  }
  return terms;
}

}  // namespace

std::expected<std::vector<Extension>, const char*> parse_extensions(const HttpHead& head) {
  std::vector<Extension> extensions;
  for (const HttpField& field : head.fields) {
    if (!equal_in_any_case(field.name, header_name)) continue;
    if (!ExtensionReader(field.value).read_all(extensions))
      return std::unexpected("a bad list of extensions");
  }
  return extensions;
}

std::optional<DeflateTerms> choose_offer(const std::vector<Extension>& offers) {
  for (const Extension& offer : offers) {
    if (auto terms = accept_offer(offer)) return terms;
  }
  return std::nullopt;
}

std::string deflate_answer(const DeflateTerms& terms) {
  std::string answer(deflate_offer);
  if (terms.own_window_bits < DeflateTerms::window_bits_max)
    answer += "; server_max_window_bits=" + std::to_string(terms.own_window_bits);
  return answer;
}

std::expected<std::optional<DeflateTerms>, const char*> judge_answer(
    const std::vector<Extension>& answer) {
  if (answer.empty()) return std::optional<DeflateTerms>{};
  const Extension& extension = answer.front();
  if (answer.size() > 1 || extension.name != extension_name || has_duplicates(extension))
    return std::unexpected("an extension that was not offered");
  bool server_keeps_no_context = false;
  for (const ExtensionParameter& parameter : extension.parameters) {
    const bool is_bare = !parameter.value;
    if (parameter.name == "server_no_context_takeover" && is_bare) {
      server_keeps_no_context = true;
    } else if (!(parameter.name == "client_no_context_takeover" && is_bare) &&
               !(parameter.name == "server_max_window_bits" && window_bits(parameter.value))) {
      return std::unexpected("an extension parameter that was not offered");
    }
  }
  if (!server_keeps_no_context)
    return std::unexpected("compression with context takeover, which was not offered");
  return std::optional<DeflateTerms>{DeflateTerms{}};
}

}  // namespace c1m::protocol
