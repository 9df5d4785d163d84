// Parsing and ranges; see flag_reader.hpp.
#include "loadgen/flag_reader.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <system_error>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "os/quantity.hpp"

namespace c1m::loadgen {
namespace {

constexpr double real_max = 1e9;
constexpr std::uint64_t message_bytes_max = 64U << 20;
constexpr os::Nanoseconds duration_max_ns = 7 * 24 * 3'600 * os::ns_per_s;

template <class Number>
bool parse(std::string_view text, Number& number) {
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
  return code == std::errc{} && end == text.data() + text.size();
}

}  // namespace

void FlagReader::report(const char* flag, const std::string& what) {
  if (mistake_.empty()) mistake_ = fmt::format("{}: {}", flag, what);
}

std::uint64_t FlagReader::whole(const char* flag, std::string_view text, std::uint64_t least,
                                std::uint64_t most) {
  std::uint64_t number = 0;
  if (parse(text, number) && number >= least && number <= most) return number;
  report(flag, fmt::format("'{}' is not a whole number from {} to {}", text, least, most));
  return least;
}

double FlagReader::real(const char* flag, std::string_view text, bool zero_allowed) {
  double number = 0;
  const bool is_number = parse(text, number) && std::isfinite(number);
  const bool is_large_enough = zero_allowed ? number >= 0 : number >= 1e-3;
  if (is_number && is_large_enough && number <= real_max) return number;
  report(flag, fmt::format("'{}' is not a number from {} to {:.0f}", text,
                           zero_allowed ? "0" : "0.001", real_max));
  return 1;
}

double FlagReader::quantity(const char* flag, std::string_view text, std::string_view unit,
                            double least, double most) {
  double number = 0;
  const bool has_unit = text.ends_with(unit);
  const std::string_view digits = text.substr(0, has_unit ? text.size() - unit.size() : 0);
  const bool is_number = has_unit && parse(digits, number) && std::isfinite(number);
  if (is_number && number >= least && number <= most) return number;
  report(flag, fmt::format("'{}' is not from {:g}{} to {:g}{}", text, least, unit, most, unit));
  return most;
}

double FlagReader::share(const char* flag, std::string_view text, double least, double most) {
  return quantity(flag, text, "%", least * 100, most * 100) / 100;
}

os::Nanoseconds FlagReader::duration(const char* flag, std::string_view text,
                                     os::Nanoseconds least_ns) {
  const auto parsed = os::parse_duration(text);
  if (!parsed) {
    report(flag, parsed.error());
  } else if (*parsed < least_ns || *parsed > duration_max_ns) {
    report(flag,
           fmt::format("'{}' is not from {} ms to 7 days (168h)", text, least_ns / os::ns_per_ms));
  }
  return parsed.value_or(least_ns);
}

std::uint32_t FlagReader::size(const char* flag, std::string_view text) {
  const auto parsed = os::parse_size(text);
  if (!parsed) {
    report(flag, parsed.error());
  } else if (*parsed < 1 || *parsed > message_bytes_max) {
    report(flag, fmt::format("'{}' is not from 1 byte to 64MiB", text));
  }
  return static_cast<std::uint32_t>(std::min(parsed.value_or(1), message_bytes_max));
}

std::size_t FlagReader::choice(const char* flag, const std::string& text,
                               const std::vector<std::string>& choices) {
  const auto found = std::ranges::find(choices, text);
  if (found != choices.end()) return static_cast<std::size_t>(found - choices.begin());
  report(flag, fmt::format("'{}' is not one of {}", text, fmt::join(choices, ", ")));
  return 0;
}

}  // namespace c1m::loadgen
