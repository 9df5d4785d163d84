// Durations and sizes as people write them on a command line: "250ms", "1.5s", "2m", "4096",
// "64KiB". Threads: any. Not here: rates and counts, which are plain numbers, and the ranges that a
// flag allows.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "os/clock.hpp"

namespace c1m::os {

// A decimal number, at most nine digits after its point, and one of the units ns, us, ms, s, m, h.
// Never negative; a fraction of a nanosecond is cut off. The error is a sentence for the user that
// names the text.
std::expected<Nanoseconds, std::string> parse_duration(std::string_view text);

// A whole number of bytes, alone or with one of the suffixes B, KiB, MiB, GiB (1024, 1024^2, 1024^3
// bytes). The error is a sentence for the user that names the text.
std::expected<std::uint64_t, std::string> parse_size(std::string_view text);

}  // namespace c1m::os
