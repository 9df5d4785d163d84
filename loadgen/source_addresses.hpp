// Which local addresses connections start from: one address has only some 28 thousand ports for one
// target, and a million connections need more.
//
// Invariant: connection c goes to target c mod T and starts from source (c div T) mod S, so that
// all pairs of source and target fill evenly. Threads: values.
// Not here: choosing ports (the kernel does, with IP_BIND_ADDRESS_NO_PORT).
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "os/result.hpp"
#include "os/socket.hpp"

namespace c1m::loadgen {

// IPv4 addresses first..last, inclusive, in host byte order.
struct AddressRange {
  std::uint32_t first = 0;
  std::uint32_t last = 0;

  [[nodiscard]] std::uint64_t size() const { return std::uint64_t{last} - first + 1; }
  friend bool operator==(const AddressRange&, const AddressRange&) = default;
};

// "127.0.0.1" or "127.0.1.1-127.0.1.20".
std::string to_string(const AddressRange& range);

// A list of the above, separated by commas. The error is a sentence for the user.
std::expected<std::vector<AddressRange>, std::string> parse_address_ranges(std::string_view text);

// How many ports the kernel may choose from for one pair of source and target address
// (net.ipv4.ip_local_port_range, both ends included).
[[nodiscard]] os::Result<std::uint32_t> local_port_count();
// The same for the file's text; nothing when it is malformed.
std::optional<std::uint32_t> parse_port_range(std::string_view text);

// The automatic choice for so many ports in use at a time: nothing (the kernel chooses) when one
// address has enough or the
// targets are not all on 127.0.0.0/8; else so many addresses from 127.1.0.1 on that each pair of
// source and target uses at most half of the `ports`, as the kernel's search for a free one slows
// down beyond.
std::vector<AddressRange> choose_sources(std::uint64_t needed,
                                         const std::vector<os::Endpoint>& targets,
                                         std::uint32_t ports);

// Gives each connection its two ends.
class Routes {
 public:
  Routes(std::vector<os::Endpoint> targets, std::vector<AddressRange> sources);

  [[nodiscard]] const os::Endpoint& target(std::uint32_t connection) const {
    return targets_[connection % targets_.size()];
  }
  // Nothing: the kernel chooses.
  [[nodiscard]] std::optional<os::Endpoint> source(std::uint32_t connection) const;

 private:
  std::vector<os::Endpoint> targets_;
  std::vector<AddressRange> sources_;
  std::uint64_t source_count_ = 0;
};

}  // namespace c1m::loadgen
