// The client's phases, and its frames; see websocket_client.hpp.
#include "protocol/websocket_client.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "protocol/http_head.hpp"

namespace c1m::protocol {
namespace {

// The limit that the server has for requests.
constexpr std::size_t head_bytes_max = 16 * 1024;

}  // namespace

struct WebSocketClient::Head {
  std::string text;
};

WebSocketClient::WebSocketClient() = default;
WebSocketClient::WebSocketClient(WebSocketClient&&) noexcept = default;
WebSocketClient& WebSocketClient::operator=(WebSocketClient&&) noexcept = default;
WebSocketClient::~WebSocketClient() = default;

std::optional<ClientEvent> WebSocketClient::next(std::span<std::byte>& input,
                                                 const ClientSettings& settings,
                                                 std::span<const std::byte, nonce_bytes> nonce,
                                                 CodecShelf& codecs) {
  if (phase_ == Phase::handshake) return take_head(input, settings, nonce);
  if (phase_ == Phase::over) {
    input = {};
    return std::nullopt;
  }
  const ReaderRules rules{.role = Role::client,
                          .message_bytes_max = settings.message_bytes_max,
                          .fragments_max = settings.fragments_max,
                          .codecs = has_deflate_ ? &codecs : nullptr};
  auto incoming = reader_.next(input, rules);
  if (!incoming) return std::nullopt;
  const bool is_last =
      incoming->kind == Incoming::Kind::close || incoming->kind == Incoming::Kind::failure;
  if (is_last) {
    phase_ = Phase::over;
    reader_ = {};
  }
  return ClientEvent{
      .kind = ClientEvent::Kind::incoming, .incoming = std::move(*incoming), .why = {}};
}

std::optional<ClientEvent> WebSocketClient::take_head(
    std::span<std::byte>& input, const ClientSettings& settings,
    std::span<const std::byte, nonce_bytes> nonce) {
  if (input.empty()) return std::nullopt;
  if (!head_) head_ = std::make_unique<Head>();
  std::string& text = head_->text;
  const std::size_t before = text.size();
  const std::size_t looked_at = std::min(input.size(), head_bytes_max + 1 - before);
  text.append(reinterpret_cast<const char*>(input.data()), looked_at);
  const HeadScan scan = scan_head(text, before);
  if (scan.outcome == HeadScan::Outcome::wrong) return refuse("not an HTTP/1.1 answer");
  const bool is_complete = scan.outcome == HeadScan::Outcome::complete;
  if (text.size() > head_bytes_max && (!is_complete || scan.bytes > head_bytes_max))
    return refuse("the answer's headers are too long");
  if (!is_complete) {
    input = {};
    return std::nullopt;
  }
  input = input.subspan(scan.bytes - before);
  const auto terms =
      judge_answer(std::string_view(text).substr(0, scan.bytes), settings.wish, nonce);
  if (!terms) return refuse(terms.error());
  head_.reset();
  has_deflate_ = terms->has_value();
  phase_ = Phase::open;
  return ClientEvent{.kind = ClientEvent::Kind::opened, .incoming = {}, .why = {}};
}

ClientEvent WebSocketClient::refuse(std::string why) {
  head_.reset();
  phase_ = Phase::over;
  return {.kind = ClientEvent::Kind::refused, .incoming = {}, .why = std::move(why)};
}

void append_frame(FrameHeader header, std::span<const std::byte> payload,
                  std::vector<std::byte>& to) {
  header.payload_bytes = payload.size();
  const std::size_t begin = to.size();
  const std::size_t header_bytes = frame_header_bytes(payload.size(), header.is_masked);
  to.resize(begin + header_bytes + payload.size());
  std::byte* const frame = to.data() + begin;
  write_frame_header(header, frame);
  if (header.is_masked) {
    apply_mask(payload, frame + header_bytes, header.key, 0);
  } else {
    std::ranges::copy(payload, frame + header_bytes);
  }
}

void append_close(CloseCode code, std::string_view reason, const MaskKey& key,
                  std::vector<std::byte>& to) {
  std::vector<std::byte> payload;
  if (code != CloseCode::none_given) {
    const auto number = static_cast<unsigned>(code);
    payload = {static_cast<std::byte>(number >> 8), static_cast<std::byte>(number & 0xff)};
    for (const char c : reason.substr(0, control_payload_bytes_max - 2))
      payload.push_back(static_cast<std::byte>(c));
  }
  append_frame({.opcode = Opcode::close, .is_masked = true, .key = key}, payload, to);
}

}  // namespace c1m::protocol
