// What half-open and slow clients say, as far as they say anything: the requests of the run's form
// and protocol, in any number of bytes at a time, and how their answers are judged.
//
// Invariant: what a client says follows from its number, its life and the secret, so that nothing
// is kept but how far it has come. Threads: one owner. Not here: when it is said (unkind_group).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "loadgen/frame_composer.hpp"
#include "loadgen/payload.hpp"
#include "loadgen/websocket_exchange.hpp"
#include "protocol/websocket_client.hpp"

namespace c1m::loadgen {

// How far a client has come.
struct SpeechState {
  std::uint32_t number = 0;     // global, beyond those of the load
  std::uint32_t life = 0;       // how often it was opened
  std::uint32_t said = 0;       // bytes of the handshake, or of the request that it is at
  std::uint32_t sequence = 0;   // of that request
  std::uint32_t answering = 0;  // sequence of the request whose answer is awaited
  std::uint32_t heard = 0;      // bytes of that answer
  bool is_corrupt = false;      // one of them was wrong; not counted yet
  protocol::WebSocketClient websocket = {};
};

// What came of some bytes of the server's.
struct Heard {
  std::uint32_t answered = 0;  // whole answers
  std::uint32_t corrupt = 0;   // wrong ones of these, and what was never to be said
  std::string end;             // why the client is done with this server; empty: it is not
};

class UnkindSpeech {
 public:
  UnkindSpeech() = default;
  UnkindSpeech(const UnkindSpeech&) = delete;
  UnkindSpeech& operator=(const UnkindSpeech&) = delete;
  virtual ~UnkindSpeech() = default;

  // The opening handshake, if there is one, is over.
  [[nodiscard]] virtual bool is_open(const SpeechState& state) const = 0;
  // Writes what the client says next to `to`, as far as there is room, and returns how many bytes
  // those are; none while the server has to speak first. Those that leave are added to `said`.
  virtual std::size_t next(SpeechState& state, std::span<std::byte> to) = 0;
  virtual Heard hear(SpeechState& state, std::span<std::byte> bytes) = 0;
};

// Requests as they are, one after another.
class EchoSpeech final : public UnkindSpeech {
 public:
  explicit EchoSpeech(const Payload& payload) : payload_(payload) {}

  [[nodiscard]] bool is_open(const SpeechState&) const override { return true; }
  std::size_t next(SpeechState& state, std::span<std::byte> to) override;
  Heard hear(SpeechState& state, std::span<std::byte> bytes) override;

 private:
  const Payload& payload_;
};

// The upgrade request, then a masked message after another, never compressed. Pings have no answer:
// a client that sends a byte now and then has no place for one.
class WebSocketSpeech final : public UnkindSpeech {
 public:
  WebSocketSpeech(const Payload& payload, const WebSocketTerms& terms);

  [[nodiscard]] bool is_open(const SpeechState& state) const override {
    return state.websocket.is_open();
  }
  std::size_t next(SpeechState& state, std::span<std::byte> to) override;
  Heard hear(SpeechState& state, std::span<std::byte> bytes) override;

 private:
  using Nonce = std::array<std::byte, protocol::nonce_bytes>;
  [[nodiscard]] Nonce nonce_of(const SpeechState& state) const;
  [[nodiscard]] const protocol::ClientSettings& settings_of(const SpeechState& state) const {
    return settings_[state.number % settings_.size()];
  }
  // The request whose answer is awaited has left whole.
  [[nodiscard]] bool awaits_answer(const SpeechState& state) const;
  void take(SpeechState& state, const protocol::Incoming& incoming, Heard& heard) const;

  const Payload& payload_;
  FrameComposer composer_;
  protocol::Opcode opcode_;
  std::vector<protocol::ClientSettings> settings_;  // one a host
  protocol::CodecShelf codecs_;
};

// Of the protocol that has these terms; without any it is the echo's.
[[nodiscard]] std::unique_ptr<UnkindSpeech> make_unkind_speech(
    const Payload& payload, const std::optional<WebSocketTerms>& terms);

}  // namespace c1m::loadgen
