// The flags that say how connections come and go: how fast, where to, from where, and for how long.
// Threads: one owner. Not here: what goes over them (load_flags, websocket_flags).
#pragma once

#include <array>
#include <string>
#include <vector>

#include "loadgen/flag_reader.hpp"
#include "loadgen/lifetime.hpp"
#include "loadgen/source_addresses.hpp"
#include "os/socket.hpp"

namespace c1m::loadgen {

// As the user wrote them.
struct ConnectionTexts {
  std::string connect_rate = "20000";
  std::string sources = "auto";
  std::string lifetime = {};  // empty: not given
  bool until_refused = false;
};

struct ConnectionFlag {
  const char* name;
  std::string* text;  // which it fills
  const char* help;
};

[[nodiscard]] std::array<ConnectionFlag, 3> connection_flags(ConnectionTexts& texts);

struct Targets {
  std::vector<std::string> names;  // as the user wrote them
  std::vector<os::Endpoint> endpoints;
};
// "HOST:PORT[,HOST:PORT..]"; resolves names, so that it may block.
[[nodiscard]] Targets read_targets(FlagReader& reader, const std::string& text);

// Connects a second, 0 for "max".
[[nodiscard]] double read_connect_rate(FlagReader& reader, const std::string& text);

// "fixed:10s", "exp:10s" or "uniform:1s-20s".
[[nodiscard]] Lifetime read_lifetime(FlagReader& reader, const std::string& text);

// Reports what --until-refused cannot be together with.
[[nodiscard]] bool read_until_refused(FlagReader& reader, const ConnectionTexts& texts,
                                      bool is_idle);

inline constexpr const char* until_refused_help =
    "with --idle: open connections until the first is refused, -c at most, hold what was opened, "
    "and report the call and the errno";

// Nothing: automatic.
[[nodiscard]] std::vector<AddressRange> read_sources(FlagReader& reader, const std::string& text,
                                                     const std::vector<os::Endpoint>& targets);

}  // namespace c1m::loadgen
