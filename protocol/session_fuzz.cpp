// libFuzzer target: whole sessions from their first byte. What a session answers, counts and does
// at its end is the same whether the stream comes whole, byte by byte or in pieces; a client of
// ours understands every frame of it. The first two bytes choose the settings, whether a good
// handshake stands in front, and the pieces.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "os/assert.hpp"
#include "protocol/websocket_samples.hpp"

namespace c1m::protocol {
namespace {

struct Outcome {
  samples::Bytes answered;
  After after;
  std::vector<std::uint64_t> counts;
  bool operator==(const Outcome&) const = default;
};

Outcome run(std::span<const std::byte> stream, std::size_t piece_bytes,
            const WebSocketSettings& settings, bool is_open) {
  samples::SessionDesk desk(settings);
  if (is_open) desk.open();
  desk.feed_cut(stream, piece_bytes);
  const WebSocketCounters& counters = desk.counters;
  Outcome outcome{.answered = desk.answered,
                  .after = desk.after,
                  .counts = {counters.messages_received, counters.message_bytes_received,
                             counters.pings_received, counters.pongs_received,
                             counters.sessions_opened, counters.handshakes_refused}};
  desk.session.end(desk.service);
  C1M_ASSERT(counters.sessions_opened == counters.sessions_ended, "every session ends once");
  std::uint64_t closes = 0;
  for (const auto& count : counters.closes) closes += count;
  C1M_ASSERT(closes == counters.sessions_ended, "under one code");
  return outcome;
}

// What is behind the handshake's answer must be frames of a server, whole ones.
void check(const samples::Bytes& answered, bool is_open, bool deflate) {
  std::string text = samples::to_text(answered);
  if (!is_open) {
    if (!text.starts_with("HTTP/1.1 101 ")) return;
    text = text.substr(text.find("\r\n\r\n") + 4);
  }
  for (const std::string& word : samples::understand(samples::to_bytes(text), deflate)) {
    C1M_ASSERT(word != "rubbish" && !word.starts_with("failure"), "a client understands it");
  }
}

}  // namespace
}  // namespace c1m::protocol

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace c1m::protocol;
  if (size < 2) return 0;
  WebSocketSettings settings;
  const bool is_open = data[0] % 2 == 0;
  settings.upgrade.may_deflate = data[0] % 4 < 2;
  settings.message_bytes_max = data[0] % 8 < 4 ? 100'000 : 64;
  settings.fragments_max = data[0] % 16 < 8 ? 1'000 : 3;
  const auto stream = std::as_bytes(std::span(data + 2, size - 2));
  const Outcome whole = run(stream, size, settings, is_open);
  check(whole.answered, is_open, settings.upgrade.may_deflate);
  C1M_ASSERT(run(stream, 1, settings, is_open) == whole, "byte by byte is as whole");
  C1M_ASSERT(run(stream, 2U + data[1], settings, is_open) == whole, "in pieces is as whole");
  return 0;
}
