// Parsing of durations and sizes; see quantity.hpp. Integer arithmetic throughout, so that "0.1s"
// is exact.
#include "os/quantity.hpp"

#include <array>
#include <charconv>
#include <limits>
#include <optional>
#include <span>
#include <utility>

namespace c1m::os {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

constexpr std::array duration_units = {
    Unit{"ns", 1},       Unit{"us", ns_per_us},    Unit{"ms", ns_per_ms},
    Unit{"s", ns_per_s}, Unit{"m", 60 * ns_per_s}, Unit{"h", 3600 * ns_per_s},
};

constexpr std::array size_units = {
    Unit{"", 1},
    Unit{"B", 1},
    Unit{"KiB", 1ULL << 10},
    Unit{"MiB", 1ULL << 20},
    Unit{"GiB", 1ULL << 30},
};

constexpr std::size_t fraction_digits_max = 9;

std::optional<std::uint64_t> factor_of(std::span<const Unit> units, std::string_view name) {
  for (const Unit& unit : units) {
    if (unit.name == name) return unit.factor;
  }
  return std::nullopt;
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// Takes the digits off the front of `text`.
std::string_view take_digits(std::string_view& text) {
  std::size_t count = 0;
  while (count < text.size() && is_digit(text[count])) ++count;
  const std::string_view digits = text.substr(0, count);
  text.remove_prefix(count);
  return digits;
}

// Nothing when the number has more digits than 64 bits hold.
std::optional<std::uint64_t> to_number(std::string_view digits) {
  std::uint64_t value = 0;
  const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (code != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

// 0.DIGITS * factor, cut off. The digits become billionths; a factor is either below a billion, so
// that the product fits 64 bits, or a multiple of a billion.
std::uint64_t scaled_fraction(std::string_view digits, std::uint64_t factor) {
  constexpr std::uint64_t billion = 1'000'000'000;
  std::string nine_digits(digits);
  nine_digits.resize(fraction_digits_max, '0');
  const std::uint64_t billionths = *to_number(nine_digits);
  return factor < billion ? billionths * factor / billion : billionths * (factor / billion);
}

std::unexpected<std::string> refuse(std::string_view text, std::string_view why) {
  std::string sentence = "'";
  sentence.append(text).append("' ").append(why);
  return std::unexpected(std::move(sentence));
}

constexpr std::string_view not_a_duration =
    "is not a duration: write a number and a unit, one of ns, us, ms, s, m, h (for example 250ms, "
    "1.5s, 2m)";
constexpr std::string_view duration_too_long =
    "is too long for a duration: the longest is 2562046h";
constexpr std::string_view not_a_size =
    "is not a size: write a whole number of bytes, or one with the suffix KiB, MiB or GiB (for "
    "example "
    "4096, 64KiB, 1MiB)";
constexpr std::string_view size_too_big = "is too big for a size: the biggest is 8589934591GiB";

}  // namespace

std::expected<Nanoseconds, std::string> parse_duration(std::string_view text) {
  std::string_view rest = text;
  const std::string_view whole = take_digits(rest);
  std::string_view fraction;
  if (rest.starts_with('.')) {
    rest.remove_prefix(1);
    fraction = take_digits(rest);
    if (fraction.empty() || fraction.size() > fraction_digits_max)
      return refuse(text, not_a_duration);
  }
  const auto factor = factor_of(duration_units, rest);
  if (whole.empty() || !factor) return refuse(text, not_a_duration);
  const auto count = to_number(whole);
  constexpr std::uint64_t longest_ns = std::numeric_limits<Nanoseconds>::max();
  if (!count || *count > longest_ns / *factor - 1) return refuse(text, duration_too_long);
  return static_cast<Nanoseconds>(*count * *factor + scaled_fraction(fraction, *factor));
}

std::expected<std::uint64_t, std::string> parse_size(std::string_view text) {
  std::string_view rest = text;
  const std::string_view whole = take_digits(rest);
  const auto factor = factor_of(size_units, rest);
  if (whole.empty() || !factor) return refuse(text, not_a_size);
  const auto count = to_number(whole);
  if (!count || *count > std::numeric_limits<std::int64_t>::max() / *factor) {
    return refuse(text, size_too_big);
  }
  return *count * *factor;
}

}  // namespace c1m::os
