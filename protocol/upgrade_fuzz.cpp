// libFuzzer target: no bytes make the handshake of either end crash; the end of a head and its
// verdict do not depend on how it arrives; what a server accepts, a client of ours could have sent.
// The first byte chooses the end and the rules.
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "os/assert.hpp"
#include "protocol/http_head.hpp"
#include "protocol/upgrade_answer.hpp"
#include "protocol/upgrade_request.hpp"

namespace c1m::protocol {
namespace {

// Scans as a session does, byte by byte.
HeadScan scan_slowly(std::string_view text) {
  for (std::size_t size = 1; size <= text.size(); ++size) {
    const HeadScan scan = scan_head(text.substr(0, size), size - 1);
    if (scan.outcome != HeadScan::Outcome::incomplete) return scan;
  }
  return {};
}

void check_server(std::string_view head, const UpgradeRules& rules) {
  const UpgradeVerdict verdict = judge_upgrade(head, rules);
  const HeadScan answer = scan_head(verdict.answer, 0);
  C1M_ASSERT(answer.outcome == HeadScan::Outcome::complete, "an answer is an HTTP message");
  C1M_ASSERT(parse_head(std::string_view(verdict.answer).substr(0, answer.bytes)).has_value(),
             "with a head that we would take ourselves");
  if (!verdict.is_accepted()) return;
  C1M_ASSERT(answer.bytes == verdict.answer.size(), "behind 101 come frames");
  C1M_ASSERT(head.starts_with("GET ") && head.contains(" HTTP/1.1\r\n"), "an upgrade is a GET");
  C1M_ASSERT(!verdict.deflate || rules.may_deflate, "no compression without being asked for");
  C1M_ASSERT(!verdict.deflate ||
                 (verdict.deflate->own_window_bits >= 9 && verdict.deflate->own_window_bits <= 15),
             "a window that zlib has");
}

void check(std::uint8_t choice, std::string_view text) {
  const HeadScan scan = scan_head(text, 0);
  const HeadScan slow = scan_slowly(text);
  C1M_ASSERT(scan.outcome == slow.outcome && scan.bytes == slow.bytes,
             "a head ends where it ends, however it comes");
  // Also what has no end: the parser must not rely on the scan.
  const std::string_view head =
      scan.outcome == HeadScan::Outcome::complete ? text.substr(0, scan.bytes) : text;
  if (choice % 2 == 0) {
    UpgradeRules rules{.allowed_origins = {}, .may_deflate = choice % 4 == 0};
    if (choice % 8 == 0) rules.allowed_origins = {"http://good.example"};
    check_server(head, rules);
  } else {
    constexpr std::array<std::byte, nonce_bytes> nonce{};
    const UpgradeWish wish{
        .host = "localhost", .target = "/", .origin = "", .deflate = choice % 4 == 1};
    const auto terms = judge_answer(head, wish, nonce);
    C1M_ASSERT(!terms || !*terms || wish.deflate, "no compression without an offer");
  }
}

}  // namespace
}  // namespace c1m::protocol

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  c1m::protocol::check(data[0], {reinterpret_cast<const char*>(data + 1), size - 1});
  return 0;
}
