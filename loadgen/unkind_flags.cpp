// From texts to settings; see unkind_flags.hpp.
#include "loadgen/unkind_flags.hpp"

#include <string_view>

namespace c1m::loadgen {
namespace {

// Together with the connections of the load they are numbered in 32 bits.
constexpr std::uint64_t clients_max = 1U << 30;
constexpr const char* slow_flag = "--slow";

}  // namespace

std::array<ConnectionFlag, 3> unkind_flags(UnkindTexts& texts) {
  return {{{"--half-open", &texts.half_open,
            "so many clients beside the load that connect (with --protocol ws shake hands too) and "
            "are never heard of again: they send no byte and no end, and read nothing [0]"},
           {slow_flag, &texts.slow,
            "N or N:RATE, as in 50:0.5B/s: so many clients beside the load that send their "
            "requests a byte at a time, with --protocol ws from the handshake on [0, at 1B/s]"},
           {"--reset", &texts.reset,
            "PERCENT%: so many of the lives of --lifetime end by a reset in the middle of a "
            "request, which is none of the plan's, instead of in order [0%]"}}};
}

UnkindSettings read_unkind(FlagReader& reader, const UnkindTexts& texts) {
  UnkindSettings settings;
  if (!texts.half_open.empty()) {
    settings.half_open =
        static_cast<std::uint32_t>(reader.whole("--half-open", texts.half_open, 0, clients_max));
  }
  if (texts.slow.empty()) return settings;
  const std::string_view view = texts.slow;
  const std::size_t colon = view.find(':');
  settings.slow =
      static_cast<std::uint32_t>(reader.whole(slow_flag, view.substr(0, colon), 0, clients_max));
  if (colon != std::string_view::npos) {
    const double per_s = reader.quantity(slow_flag, view.substr(colon + 1), "B/s", 0.001, 10'000);
    settings.byte_interval_ns =
        static_cast<os::Nanoseconds>(static_cast<double>(os::ns_per_s) / per_s);
  }
  return settings;
}

double read_reset(FlagReader& reader, const UnkindTexts& texts, const Lifetime& lifetime) {
  constexpr const char* flag = "--reset";
  if (texts.reset.empty()) return 0;
  const double share = reader.share(flag, texts.reset, 0, 1);
  if (lifetime.is_endless()) {
    reader.report(flag, "needs --lifetime: a reset is the end of a connection's life");
  }
  return share;
}

}  // namespace c1m::loadgen
