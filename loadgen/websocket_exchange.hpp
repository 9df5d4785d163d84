// An EchoExchange whose requests and answers are WebSocket messages: the opening handshake, masked
// frames, pings, and the closing handshake, over protocol/'s client end.
//
// Invariants: every message is held against the request that it answers in length, type and bytes,
// after decompression where that was agreed on; an idle connection holds sizeof(WebSocketState)
// beside the Connection and nothing on the heap, for a shard has one compressor and keeps one
// compressed message, the last; a control frame never stands within a message of ours, and waits in
// a table of the shard when it cannot leave at once. Threads: one owner. Not here: when to ping and
// to close (websocket_rounds).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "loadgen/echo_exchange.hpp"
#include "loadgen/frame_composer.hpp"
#include "measure/websocket_result.hpp"
#include "protocol/websocket_client.hpp"

namespace c1m::loadgen {

// What a connection keeps beside its Connection.
struct WebSocketState {
  protocol::WebSocketClient client;
  // When the handshake's request, the ping or the Close that awaits its answer was due; 0: none.
  os::Nanoseconds asked_ns = 0;
};
static_assert(sizeof(WebSocketState) <= 32, "memory that the documentation promises");

struct WebSocketTerms {
  std::vector<std::string> hosts;  // connection i asks for host i modulo their number
  std::string path = "/";
  protocol::Opcode opcode = protocol::Opcode::binary;
  std::size_t message_bytes_max = 0;  // of an answer
  std::size_t fragment_bytes = 0;     // 0: whole messages
  bool offers_deflate = false;        // and compresses every message of ours where that is taken
  std::uint64_t secret = 0;           // of nonces and mask keys
};

class WebSocketExchange final : public EchoExchange {
 public:
  WebSocketExchange(ConnectionRange range, InFlightLimits limits, const Payload& payload,
                    const os::Clock& clock, os::Poller& poller, Accounting& accounting,
                    const WebSocketTerms& terms);

  Opening open(std::uint32_t index) override;
  Opening go_on_opening(std::uint32_t index) override;
  [[nodiscard]] std::string refusal() const override { return refusal_; }

  // Sends a ping that was due at `due_ns`, unless the one before has no answer yet.
  void ping(std::uint32_t index, os::Nanoseconds due_ns);
  // Pings without an answer.
  [[nodiscard]] std::uint32_t pings_out() const { return pings_out_; }

  // Begins the closing handshake of an established connection.
  void begin_closing(std::uint32_t index) override;
  // Connections on which it has begun and whose end has not been seen.
  [[nodiscard]] std::uint32_t closing() const { return closing_; }

  [[nodiscard]] const measure::WebSocketResult& result() const { return result_; }

 private:
  Outgoing outgoing(std::uint32_t index, const Request& request, std::size_t offset) override;
  void on_left(std::uint32_t index, const Request& request) override;
  Outcome take(std::uint32_t index, std::span<std::byte> bytes) override;
  [[nodiscard]] bool is_quiet(std::uint32_t index) const override;
  Outcome send_urgent(std::uint32_t index) override;
  void on_closed(std::uint32_t index) override;

  struct CompressedMessage {
    std::uint64_t name = 0;  // of the request
    protocol::BlockMessage message;
  };

  Opening refuse(std::string why);
  // A request's message as it travels.
  [[nodiscard]] FramedMessage framed(std::uint32_t index, const Request& request);
  void count_compressed_answer(const protocol::Incoming& message);
  Outcome take_incoming(std::uint32_t index, protocol::Incoming& incoming);
  Outcome take_close(std::uint32_t index, const protocol::Incoming& close);
  void take_pong(std::uint32_t index, std::span<const std::byte> payload);
  // Sends a control frame as soon as no message of ours is in the way.
  Outcome send_control(std::uint32_t index, protocol::Opcode opcode,
                       std::span<const std::byte> payload);
  Outcome send_close(std::uint32_t index, protocol::CloseCode code);
  [[nodiscard]] const protocol::ClientSettings& settings_of(std::uint32_t index) const {
    return settings_[number_of(index) % settings_.size()];
  }
  [[nodiscard]] std::array<std::byte, protocol::nonce_bytes> nonce_of(std::uint32_t index) const;

  FrameComposer composer_;
  protocol::Opcode opcode_;
  std::vector<protocol::ClientSettings> settings_;  // one a host
  std::vector<WebSocketState> states_;
  protocol::CodecShelf codecs_;
  // A message that leaves in parts is compressed again only when another one came in between.
  std::optional<CompressedMessage> last_compressed_;
  std::vector<std::byte> frames_;  // of the message that is being sent
  // Control frames, or their rests, that could not leave; only of connections with has_urgent.
  std::unordered_map<std::uint32_t, std::vector<std::byte>> waiting_;
  std::uint64_t control_frames_ = 0;  // composed so far; names the next one's key
  std::uint32_t pings_out_ = 0;
  std::uint32_t closing_ = 0;
  std::string refusal_;
  measure::WebSocketResult result_;
};

}  // namespace c1m::loadgen
