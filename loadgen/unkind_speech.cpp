// Requests byte by byte; see unkind_speech.hpp.
#include "loadgen/unkind_speech.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "loadgen/xoshiro.hpp"
#include "os/assert.hpp"

namespace c1m::loadgen {
namespace {

using protocol::ClientEvent;
using protocol::Incoming;
using protocol::Opcode;

// Keeps nonces apart from mask keys, which come from the same secret.
constexpr std::uint64_t nonce_salt = 0x6e6f6e6365U;  // "nonce"
constexpr const char* not_asked_for = "bytes that were not asked for";

std::size_t copy_from(std::span<const std::byte> whole, std::size_t offset,
                      std::span<std::byte> to) {
  const std::size_t size = std::min(whole.size() - offset, to.size());
  std::ranges::copy(whole.subspan(offset, size), to.begin());
  return size;
}

// The request that was being said has left whole.
void begin_next_request(SpeechState& state) {
  state.said = 0;
  ++state.sequence;
}

}  // namespace

std::size_t EchoSpeech::next(SpeechState& state, std::span<std::byte> to) {
  if (state.said == payload_.message(state.number, state.sequence).size()) {
    begin_next_request(state);
  }
  return copy_from(payload_.message(state.number, state.sequence), state.said, to);
}

Heard EchoSpeech::hear(SpeechState& state, std::span<std::byte> bytes) {
  Heard heard;
  for (const std::byte byte : bytes) {
    const bool was_said = state.answering < state.sequence ||
                          (state.answering == state.sequence && state.heard < state.said);
    if (!was_said) {
      ++heard.corrupt;
      heard.end = not_asked_for;
      break;
    }
    const auto expected = payload_.message(state.number, state.answering);
    state.is_corrupt = state.is_corrupt || byte != expected[state.heard];
    if (++state.heard < expected.size()) continue;
    ++heard.answered;
    if (state.is_corrupt) ++heard.corrupt;
    state.is_corrupt = false;
    state.heard = 0;
    ++state.answering;
  }
  return heard;
}

WebSocketSpeech::WebSocketSpeech(const Payload& payload, const WebSocketTerms& terms)
    : payload_(payload),
      composer_(terms.opcode, terms.fragment_bytes, terms.secret),
      opcode_(terms.opcode) {
  C1M_ASSERT(!terms.hosts.empty(), "a handshake names its host");
  for (const std::string& host : terms.hosts) {
    settings_.push_back(
        {.wish = {.host = host, .target = terms.path, .origin = {}, .deflate = false},
         .message_bytes_max = terms.message_bytes_max});
  }
}

WebSocketSpeech::Nonce WebSocketSpeech::nonce_of(const SpeechState& state) const {
  Nonce nonce{};
  const std::uint64_t name = (std::uint64_t{state.number} << 32) | state.life;
  for (std::size_t at = 0; at < nonce.size(); at += sizeof(protocol::MaskKey)) {
    const auto part = composer_.key(mix64(name) ^ nonce_salt, at);
    std::ranges::copy(part, nonce.begin() + static_cast<std::ptrdiff_t>(at));
  }
  return nonce;
}

std::size_t WebSocketSpeech::next(SpeechState& state, std::span<std::byte> to) {
  if (!is_open(state)) {
    const std::string request = protocol::upgrade_request(settings_of(state).wish, nonce_of(state));
    return copy_from(std::as_bytes(std::span(request)), state.said, to);
  }
  const auto framed = [&] {
    return FramedMessage{.payload = payload_.message(state.number, state.sequence),
                         .name = (std::uint64_t{state.number} << 32) | state.sequence};
  };
  if (state.said == composer_.stream_bytes(framed().payload.size())) begin_next_request(state);
  return composer_.compose(framed(), state.said, to);
}

Heard WebSocketSpeech::hear(SpeechState& state, std::span<std::byte> bytes) {
  Heard heard;
  const Nonce nonce = nonce_of(state);
  while (heard.end.empty()) {
    const auto event = state.websocket.next(bytes, settings_of(state), nonce, codecs_);
    if (!event) break;
    switch (event->kind) {
      case ClientEvent::Kind::opened:
        state.said = 0;  // of the first request
        break;
      case ClientEvent::Kind::refused:
        heard.end = "handshake: " + event->why;
        break;
      case ClientEvent::Kind::incoming:
        take(state, event->incoming, heard);
        break;
    }
  }
  return heard;
}

bool WebSocketSpeech::awaits_answer(const SpeechState& state) const {
  if (state.answering != state.sequence) return state.answering < state.sequence;
  const auto asked = payload_.message(state.number, state.sequence);
  return state.said == composer_.stream_bytes(asked.size());
}

void WebSocketSpeech::take(SpeechState& state, const Incoming& incoming, Heard& heard) const {
  switch (incoming.kind) {
    case Incoming::Kind::text:
    case Incoming::Kind::binary: {
      if (!awaits_answer(state)) {
        ++heard.corrupt;
        heard.end = not_asked_for;
        return;
      }
      const Opcode opcode = incoming.kind == Incoming::Kind::text ? Opcode::text : Opcode::binary;
      const auto expected = payload_.message(state.number, state.answering++);
      const std::span<const std::byte> got = incoming.payload;
      ++heard.answered;
      if (opcode != opcode_ || !std::ranges::equal(got, expected)) ++heard.corrupt;
      return;
    }
    case Incoming::Kind::ping:
    case Incoming::Kind::pong:
      return;
    case Incoming::Kind::close:
      heard.end = fmt::format("Close {}", static_cast<unsigned>(incoming.code));
      return;
    case Incoming::Kind::failure:
      ++heard.corrupt;
      heard.end = fmt::format("protocol error: {}", incoming.why);
      return;
  }
}

std::unique_ptr<UnkindSpeech> make_unkind_speech(const Payload& payload,
                                                 const std::optional<WebSocketTerms>& terms) {
  if (terms) return std::make_unique<WebSocketSpeech>(payload, *terms);
  return std::make_unique<EchoSpeech>(payload);
}

}  // namespace c1m::loadgen
