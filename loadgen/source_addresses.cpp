// Local addresses; see source_addresses.hpp.
#include "loadgen/source_addresses.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "os/assert.hpp"
#include "os/file.hpp"

namespace c1m::loadgen {
namespace {

constexpr std::uint32_t loopback_sources_first = (127U << 24) | (1U << 16) | 1U;  // 127.1.0.1

std::optional<std::uint32_t> parse_address(std::string_view text) {
  std::uint32_t address = 0;
  for (int part = 0; part < 4; ++part) {
    if (part > 0) {
      if (!text.starts_with('.')) return std::nullopt;
      text.remove_prefix(1);
    }
    unsigned octet = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), octet);
    if (code != std::errc{} || octet > 255) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    address = (address << 8) | octet;
  }
  if (!text.empty()) return std::nullopt;
  return address;
}

std::string format_address(std::uint32_t address) {
  return std::to_string(address >> 24) + "." + std::to_string((address >> 16) & 255) + "." +
         std::to_string((address >> 8) & 255) + "." + std::to_string(address & 255);
}

std::optional<AddressRange> parse_range(std::string_view text) {
  const std::size_t dash = text.find('-');
  const auto first = parse_address(text.substr(0, dash));
  const auto last = dash == std::string_view::npos ? first : parse_address(text.substr(dash + 1));
  if (!first || !last || *first > *last) return std::nullopt;
  return AddressRange{.first = *first, .last = *last};
}

std::uint64_t divide_up(std::uint64_t amount, std::uint64_t share) {
  return (amount + share - 1) / share;
}

}  // namespace

std::string to_string(const AddressRange& range) {
  if (range.first == range.last) return format_address(range.first);
  return format_address(range.first) + "-" + format_address(range.last);
}

std::expected<std::vector<AddressRange>, std::string> parse_address_ranges(std::string_view text) {
  std::vector<AddressRange> ranges;
  while (true) {
    const std::size_t comma = text.find(',');
    const std::string_view part = text.substr(0, comma);
    const auto range = parse_range(part);
    if (!range) {
      return std::unexpected("'" + std::string(part) +
                             "' is not an IPv4 address or a range of them, such as "
                             "127.0.0.1 or 10.0.0.5-10.0.0.9");
    }
    ranges.push_back(*range);
    if (comma == std::string_view::npos) return ranges;
    text.remove_prefix(comma + 1);
  }
}

std::optional<std::uint32_t> parse_port_range(std::string_view text) {
  std::uint32_t first = 0;
  std::uint32_t last = 0;
  const std::size_t gap = text.find_first_of("\t ");
  if (gap == std::string_view::npos) return std::nullopt;
  const std::string_view first_text = text.substr(0, gap);
  const std::string_view last_text =
      text.substr(std::min(text.find_first_not_of("\t ", gap), text.size()));
  const auto first_read =
      std::from_chars(first_text.data(), first_text.data() + first_text.size(), first);
  const auto last_read =
      std::from_chars(last_text.data(), last_text.data() + last_text.size(), last);
  if (first_read.ec != std::errc{} || last_read.ec != std::errc{} || last < first) {
    return std::nullopt;
  }
  return last - first + 1;
}

os::Result<std::uint32_t> local_port_count() {
  const auto text = os::read_file("/proc/sys/net/ipv4/ip_local_port_range");
  if (!text) return std::unexpected(text.error());
  const auto count = parse_port_range(*text);
  if (!count) return os::fail(EINVAL, "read(ip_local_port_range)");
  return *count;
}

std::vector<AddressRange> choose_sources(std::uint64_t needed,
                                         const std::vector<os::Endpoint>& targets,
                                         std::uint32_t ports) {
  const bool is_loopback_v4 = std::ranges::all_of(targets, [](const os::Endpoint& target) {
    return target.is_loopback() && target.family() == AF_INET;
  });
  const std::uint64_t comfortable = std::max<std::uint32_t>(1, ports / 2);
  const std::uint64_t per_target = divide_up(needed, targets.size());
  if (!is_loopback_v4 || per_target <= comfortable) return {};
  const auto count = static_cast<std::uint32_t>(divide_up(per_target, comfortable));
  return {{.first = loopback_sources_first, .last = loopback_sources_first + count - 1}};
}

Routes::Routes(std::vector<os::Endpoint> targets, std::vector<AddressRange> sources)
    : targets_(std::move(targets)), sources_(std::move(sources)) {
  C1M_ASSERT(!targets_.empty(), "there is something to connect to");
  for (const AddressRange& range : sources_) source_count_ += range.size();
}

std::optional<os::Endpoint> Routes::source(std::uint32_t connection) const {
  if (sources_.empty()) return std::nullopt;
  std::uint64_t position = connection / targets_.size() % source_count_;
  for (const AddressRange& range : sources_) {
    if (position < range.size()) {
      return os::Endpoint::ipv4(range.first + static_cast<std::uint32_t>(position), 0);
    }
    position -= range.size();
  }
  std::unreachable();
}

}  // namespace c1m::loadgen
