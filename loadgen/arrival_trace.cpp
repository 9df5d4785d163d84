// Reading a trace line by line; see arrival_trace.hpp.
#include "loadgen/arrival_trace.hpp"

#include <charconv>
#include <optional>
#include <system_error>

#include <fmt/format.h>

#include "os/quantity.hpp"

namespace c1m::loadgen {
namespace {

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blanks = " \t\r";
  const std::size_t first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

std::optional<std::uint32_t> parse_connection(std::string_view text, std::uint32_t connections) {
  std::uint32_t number = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = code == std::errc{} && end == text.data() + text.size();
  if (!whole || number >= connections) return std::nullopt;
  return number;
}

std::expected<TracedArrival, std::string> parse_line(std::string_view line,
                                                     std::uint32_t connections) {
  TracedArrival arrival;
  const std::size_t comma = line.find(',');
  const std::string_view offset = trimmed(line.substr(0, comma));
  const auto offset_ns = os::parse_duration(std::string(offset) + "s");
  if (!offset_ns) {
    return std::unexpected(fmt::format("'{}' is not an offset in seconds such as 0.25", offset));
  }
  arrival.offset_ns = *offset_ns;
  if (comma == std::string_view::npos) return arrival;
  const std::string_view connection = trimmed(line.substr(comma + 1));
  const auto number = parse_connection(connection, connections);
  if (!number) {
    return std::unexpected(
        fmt::format("'{}' is not a connection from 0 to {}", connection, connections - 1));
  }
  arrival.connection = *number;
  return arrival;
}

}  // namespace

std::expected<std::vector<TracedArrival>, std::string> parse_trace(std::string_view text,
                                                                   std::uint32_t connections) {
  std::vector<TracedArrival> arrivals;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = text.find('\n');
    const std::string_view line = trimmed(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.empty() || line.front() == '#') continue;
    const auto arrival = parse_line(line, connections);
    if (!arrival) return std::unexpected(fmt::format("line {}: {}", number, arrival.error()));
    if (!arrivals.empty() && arrival->offset_ns < arrivals.back().offset_ns) {
      return std::unexpected(fmt::format("line {}: {} is earlier than the line before", number,
                                         line.substr(0, line.find(','))));
    }
    arrivals.push_back(*arrival);
  }
  if (arrivals.empty()) return std::unexpected("it has no arrivals");
  return arrivals;
}

}  // namespace c1m::loadgen
