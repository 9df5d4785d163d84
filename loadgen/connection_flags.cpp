// From texts to settings; see connection_flags.hpp.
#include "loadgen/connection_flags.hpp"

#include <algorithm>
#include <ranges>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace c1m::loadgen {
namespace {

constexpr const char* lifetime_flag = "--lifetime";

// "1s-20s".
Lifetime read_uniform(FlagReader& reader, std::string_view text) {
  const std::size_t dash = text.find('-');
  Lifetime lifetime{.kind = LifetimeKind::uniform};
  if (dash == std::string_view::npos) {
    reader.report(lifetime_flag, fmt::format("'{}' is not LEAST-MOST, as in 1s-20s", text));
    return lifetime;
  }
  lifetime.least_ns = reader.duration(lifetime_flag, text.substr(0, dash), os::ns_per_ms);
  lifetime.most_ns = reader.duration(lifetime_flag, text.substr(dash + 1), os::ns_per_ms);
  if (lifetime.most_ns < lifetime.least_ns) {
    reader.report(lifetime_flag, fmt::format("'{}': the first must be the least", text));
  }
  return lifetime;
}

}  // namespace

std::array<ConnectionFlag, 3> connection_flags(ConnectionTexts& texts) {
  return {{{"--connect-rate", &texts.connect_rate,
            "connects a second over all shards; max: all at once [20000]"},
           {"--sources", &texts.sources,
            "auto, or IPv4 addresses and ranges to connect from, as in "
            "10.0.0.5,10.0.1.1-10.0.1.9 [auto]"},
           {"--lifetime", &texts.lifetime,
            "fixed:TIME | exp:MEAN | uniform:LEAST-MOST: a connection lives for so long, finishes "
            "what it has sent, is closed in order and opened anew [to the end of the run]"}}};
}

Targets read_targets(FlagReader& reader, const std::string& text) {
  constexpr const char* flag = "--target";
  Targets targets;
  if (text.empty()) reader.report(flag, "is required: HOST:PORT[,HOST:PORT..]");
  for (const auto part : std::views::split(text, ',')) {
    // Resolving may take long, and one mistake is enough.
    if (!reader.mistake().empty()) break;
    const std::string name(part.begin(), part.end());
    const auto endpoint = os::parse_endpoint(name);
    if (!endpoint) {
      reader.report(flag, endpoint.error());
    } else if (endpoint->port() == 0) {
      reader.report(flag, fmt::format("'{}': the port must be from 1 to 65535", name));
    } else {
      targets.names.push_back(name);
      targets.endpoints.push_back(*endpoint);
    }
  }
  return targets;
}

double read_connect_rate(FlagReader& reader, const std::string& text) {
  return text == "max" ? 0 : reader.real("--connect-rate", text, true);
}

Lifetime read_lifetime(FlagReader& reader, const std::string& text) {
  if (text.empty()) return {};
  const std::string_view view = text;
  const std::size_t colon = view.find(':');
  const std::string_view kind = view.substr(0, colon);
  const std::string_view length = colon == std::string::npos ? "" : view.substr(colon + 1);
  if (kind == "uniform") return read_uniform(reader, length);
  if (kind != "fixed" && kind != "exp") {
    reader.report(lifetime_flag,
                  fmt::format("'{}' is not fixed:TIME, exp:MEAN or uniform:LEAST-MOST, as in "
                              "exp:10s",
                              text));
    return {};
  }
  const os::Nanoseconds length_ns = reader.duration(lifetime_flag, length, os::ns_per_ms);
  return {.kind = kind == "fixed" ? LifetimeKind::fixed : LifetimeKind::exponential,
          .least_ns = length_ns,
          .most_ns = length_ns};
}

bool read_until_refused(FlagReader& reader, const ConnectionTexts& texts, bool is_idle) {
  constexpr const char* flag = "--until-refused";
  if (!texts.until_refused) return false;
  if (!is_idle) reader.report(flag, "needs --idle: what is opened is held, without traffic");
  if (!texts.lifetime.empty()) {
    reader.report(flag, "cannot be together with --lifetime: what is opened is held");
  }
  return true;
}

std::vector<AddressRange> read_sources(FlagReader& reader, const std::string& text,
                                       const std::vector<os::Endpoint>& targets) {
  if (text == "auto") return {};
  auto ranges = parse_address_ranges(text);
  const bool has_v6 = std::ranges::any_of(
      targets, [](const os::Endpoint& target) { return target.family() != AF_INET; });
  if (!ranges) {
    reader.report("--sources", ranges.error());
    return {};
  }
  if (has_v6) reader.report("--sources", "are IPv4 addresses, but a target is IPv6");
  return *std::move(ranges);
}

}  // namespace c1m::loadgen
