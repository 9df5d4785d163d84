// Reading the conformance tables; see websocket_samples.hpp. docs/hacking.md describes their form.
#include "protocol/websocket_samples.hpp"

#include <algorithm>
#include <fstream>
#include <stdexcept>

#include <nlohmann/json.hpp>

namespace c1m::protocol::samples {
namespace {

using Json = nlohmann::json;

constexpr MaskKey mask_key{std::byte{0x37}, std::byte{0xfa}, std::byte{0x21}, std::byte{0x3d}};

Json read_table(const char* name) {
  std::ifstream file(std::string(C1M_CONFORMANCE_DIR) + "/" + name);
  if (!file) throw std::runtime_error(std::string("no conformance table ") + name);
  return Json::parse(file);
}

Opcode opcode_of(const Json& op) {
  if (op.is_number()) return static_cast<Opcode>(op.get<int>());
  const auto& name = op.get_ref<const std::string&>();
  if (name == "continuation") return Opcode::continuation;
  if (name == "text") return Opcode::text;
  if (name == "binary") return Opcode::binary;
  if (name == "close") return Opcode::close;
  if (name == "ping") return Opcode::ping;
  return Opcode::pong;
}

Bytes payload_of(const Json& step) {
  Bytes payload;
  if (step.contains("code")) {
    const int code = step["code"];
    payload = {static_cast<std::byte>(code >> 8), static_cast<std::byte>(code & 0xff)};
  }
  if (step.contains("text")) {
    const Bytes text = to_bytes(step["text"].get<std::string>());
    payload.insert(payload.end(), text.begin(), text.end());
  }
  if (step.contains("hex")) {
    const Bytes bytes = from_hex(step["hex"].get<std::string>());
    payload.insert(payload.end(), bytes.begin(), bytes.end());
  }
  payload.resize(payload.size() + step.value("fill", std::size_t{0}), std::byte{'x'});
  return payload;
}

// By hand, for a case may want what frame_header.cpp refuses to write.
Bytes frame_of(const Json& step) {
  if (step.contains("raw")) return from_hex(step["raw"].get<std::string>());
  const Bytes payload = payload_of(step);
  const std::uint64_t length = step.value("announce", std::uint64_t{payload.size()});
  int shortest = length < 65'536 ? 16 : 64;
  if (length < 126) shortest = 7;
  const int form = step.value("length", shortest);
  const bool is_masked = step.value("masked", true);
  Bytes frame;
  const auto put = [&frame](std::uint64_t value) {
    frame.push_back(static_cast<std::byte>(value));
  };
  put((step.value("fin", true) ? 0x80U : 0U) | step.value("rsv", 0U) << 4 |
      static_cast<unsigned>(opcode_of(step["op"])));
  const unsigned mask = is_masked ? 0x80U : 0U;
  const std::uint64_t marker = form == 16 ? 126U : 127U;
  put(mask | (form == 7 ? length : marker));
  for (int shift = form == 7 ? -8 : form - 8; shift >= 0; shift -= 8) put(length >> shift);
  const std::size_t header_bytes = frame.size() + (is_masked ? mask_key.size() : 0);
  if (is_masked) frame.insert(frame.end(), mask_key.begin(), mask_key.end());
  frame.insert(frame.end(), payload.begin(), payload.end());
  if (is_masked) apply_mask(std::span(frame).subspan(header_bytes), mask_key, 0);
  return frame;
}

std::string description_of(const Json& answer) {
  if (answer.contains("close")) {
    const int code = answer["close"].is_null() ? static_cast<int>(CloseCode::none_given)
                                               : answer["close"].get<int>();
    return "close(" + std::to_string(code) + ")";
  }
  return std::string(answer.value("compressed", false) ? "compressed " : "") +
         answer["op"].get<std::string>() + "(" + to_text(payload_of(answer)) + ")";
}

std::vector<std::string> strings_of(const Json& json, const char* name) {
  return json.value(name, std::vector<std::string>{});
}

std::string name_of(const Json& json) {
  return json["section"].get<std::string>() + ": " + json["name"].get<std::string>();
}

}  // namespace

Bytes to_bytes(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

std::string to_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Bytes from_hex(std::string_view hex) {
  Bytes bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    bytes.push_back(static_cast<std::byte>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  return bytes;
}

std::string to_hex(std::span<const std::byte> bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string hex;
  for (const std::byte byte : bytes) {
    hex += digits[std::to_integer<unsigned>(byte) >> 4];
    hex += digits[std::to_integer<unsigned>(byte) & 0xf];
  }
  return hex;
}

std::string describe(const Incoming& incoming) {
  const std::string prefix = incoming.was_compressed ? "compressed " : "";
  const std::string payload = "(" + to_text(incoming.payload) + ")";
  const std::string code = "(" + std::to_string(static_cast<int>(incoming.code)) + ")";
  switch (incoming.kind) {
    case Incoming::Kind::text:
      return prefix + "text" + payload;
    case Incoming::Kind::binary:
      return prefix + "binary" + payload;
    case Incoming::Kind::ping:
      return "ping" + payload;
    case Incoming::Kind::pong:
      return "pong" + payload;
    case Incoming::Kind::close:
      return "close" + code;
    default:
      return "failure" + code;
  }
}

std::vector<FrameCase> frame_cases() {
  std::vector<FrameCase> cases;
  for (const Json& json : read_table("frames.json")) {
    FrameCase one;
    one.name = name_of(json);
    for (const Json& step : json["send"]) {
      const Bytes frame = frame_of(step);
      for (int i = step.value("times", 1); i > 0; --i)
        one.sent.insert(one.sent.end(), frame.begin(), frame.end());
    }
    for (const Json& answer : json["expect"])
      one.expected.insert(one.expected.end(), answer.value("times", 1U), description_of(answer));
    one.reply = json.value("reply", "");
    one.reply_begins = json.value("reply_begins", "");
    one.deflate = json.value("deflate", false);
    one.message_bytes_max = json.value("max_message", one.message_bytes_max);
    one.fragments_max = json.value("max_fragments", one.fragments_max);
    cases.push_back(std::move(one));
  }
  return cases;
}

std::vector<HandshakeCase> handshake_cases() {
  std::vector<HandshakeCase> cases;
  for (const Json& json : read_table("handshakes.json")) {
    HandshakeCase one{.name = name_of(json),
                      .head = json["head"],
                      .status = json["status"],
                      .contained = strings_of(json, "contains"),
                      .absent = strings_of(json, "absent"),
                      .origins = strings_of(json, "origins"),
                      .deflate = json.value("deflate", false)};
    if (json.contains("pad"))
      one.head.replace(one.head.find('*'), 1, std::string(json["pad"].get<std::size_t>(), 'p'));
    cases.push_back(std::move(one));
  }
  return cases;
}

std::string good_request(bool deflate) {
  constexpr std::array<std::byte, nonce_bytes> nonce{};
  return upgrade_request({.host = "localhost", .target = "/", .origin = "", .deflate = deflate},
                         nonce);
}

SessionDesk::SessionDesk(WebSocketSettings wanted) : settings(std::move(wanted)) {
  session.begin(service, 0);
}

void SessionDesk::feed(std::span<const std::byte> bytes, Milliseconds now) {
  if (bytes.empty() || after == After::close) return;
  // Of exactly this size, so that sanitizers see every step beyond it.
  Bytes input(bytes.begin(), bytes.end());
  take(session.receive(service, input, now));
}

void SessionDesk::feed_cut(std::span<const std::byte> bytes, std::size_t piece_bytes) {
  while (!bytes.empty()) {
    const std::size_t size = std::min(piece_bytes, bytes.size());
    feed(bytes.first(size));
    bytes = bytes.subspan(size);
  }
}

void SessionDesk::open(Milliseconds now) {
  feed(to_bytes(good_request(settings.upgrade.may_deflate)), now);
  answered.clear();
}

void SessionDesk::take(const Reply& reply) {
  answered.insert(answered.end(), reply.bytes.begin(), reply.bytes.end());
  if (reply.after != After::keep_open) after = reply.after;
}

std::vector<std::string> understand(std::span<const std::byte> frames, bool deflate) {
  CodecShelf codecs;
  const ReaderRules rules{.role = Role::client,
                          .message_bytes_max = WebSocketSettings::default_message_bytes_max,
                          .fragments_max = 1,
                          .codecs = deflate ? &codecs : nullptr};
  Bytes copy(frames.begin(), frames.end());
  std::span<std::byte> rest = copy;
  MessageReader reader;
  std::vector<std::string> words;
  while (auto incoming = reader.next(rest, rules)) words.push_back(describe(*incoming));
  if (!rest.empty() || !reader.is_between_messages()) words.emplace_back("rubbish");
  return words;
}

Bytes masked_frame(FrameHeader header, std::span<const std::byte> payload) {
  header.is_masked = true;
  header.key = mask_key;
  Bytes frame;
  append_frame(header, payload, frame);
  return frame;
}

}  // namespace c1m::protocol::samples
