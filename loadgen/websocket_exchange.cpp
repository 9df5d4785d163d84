// Handshakes, messages, control frames; see websocket_exchange.hpp.
#include "loadgen/websocket_exchange.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "loadgen/xoshiro.hpp"
#include "os/assert.hpp"
#include "os/socket.hpp"
#include "protocol/upgrade_answer.hpp"

namespace c1m::loadgen {
namespace {

using protocol::CloseCode;
using protocol::Incoming;
using protocol::Opcode;

// What one send takes at most: as much as one read.
constexpr std::size_t composed_bytes_max = 64 * 1024;
// No message has this name: connections are fewer.
constexpr std::uint64_t control_name = UINT64_MAX;

std::vector<protocol::ClientSettings> client_settings(const WebSocketTerms& terms) {
  C1M_ASSERT(!terms.hosts.empty(), "a handshake names its host");
  std::vector<protocol::ClientSettings> settings;
  settings.reserve(terms.hosts.size());
  for (const std::string& host : terms.hosts) {
    settings.push_back({.wish = {.host = host,
                                 .target = terms.path,
                                 .origin = {},
                                 .deflate = terms.offers_deflate},
                        .message_bytes_max = terms.message_bytes_max});
  }
  return settings;
}

}  // namespace

WebSocketExchange::WebSocketExchange(ConnectionRange range, InFlightLimits limits,
                                     const Payload& payload, const os::Clock& clock,
                                     os::Poller& poller, Accounting& accounting,
                                     const WebSocketTerms& terms)
    : EchoExchange(range, limits, payload, clock, poller, accounting),
      composer_(terms.opcode, terms.fragment_bytes, terms.secret),
      opcode_(terms.opcode),
      settings_(client_settings(terms)),
      states_(range.count),
      frames_(std::min(composed_bytes_max, composer_.stream_bytes(protocol::compressed_bytes_max(
                                               payload.message_bytes())))) {}

std::array<std::byte, protocol::nonce_bytes> WebSocketExchange::nonce_of(
    std::uint32_t index) const {
  std::array<std::byte, protocol::nonce_bytes> nonce{};
  for (std::size_t at = 0; at < nonce.size(); at += sizeof(protocol::MaskKey)) {
    // The time makes it another one in each life of a connection.
    const auto frame = static_cast<std::uint64_t>(states_[index].asked_ns) + at;
    const auto part = composer_.key(control_name - 1 - number_of(index), frame);
    std::ranges::copy(part, nonce.begin() + static_cast<std::ptrdiff_t>(at));
  }
  return nonce;
}

EchoExchange::Opening WebSocketExchange::open(std::uint32_t index) {
  const Connection& own = connection(index);
  states_[index].asked_ns = look_at_clock();
  const std::string request = protocol::upgrade_request(settings_of(index).wish, nonce_of(index));
  const auto sent = os::write_some(own.fd, std::as_bytes(std::span(request)));
  if (!sent) return refuse(os::error_name(sent.error().code));
  // The buffer of a new socket holds more than the longest request.
  if (*sent != request.size()) return refuse("the request did not fit into the socket");
  if (!poller().modify(own.fd, EPOLLIN | EPOLLRDHUP, index)) return refuse("epoll_ctl");
  return Opening::pending;
}

EchoExchange::Opening WebSocketExchange::go_on_opening(std::uint32_t index) {
  const auto got = read(connection(index).fd);
  if (!got && os::would_block(got.error())) return Opening::pending;
  if (!got) return refuse(os::error_name(got.error().code));
  if (*got == 0) return refuse("the server closed the connection");
  std::span<std::byte> bytes = receive_buffer().first(*got);
  WebSocketState& state = states_[index];
  const auto event = state.client.next(bytes, settings_of(index), nonce_of(index), codecs_);
  if (!event) return Opening::pending;
  if (event->kind == protocol::ClientEvent::Kind::refused) return refuse(event->why);
  result_.handshake_ns.record(last_ns() - std::exchange(state.asked_ns, 0));
  if (settings_of(index).wish.deflate)
    ++(state.client.has_deflate() ? result_.deflate_agreed : result_.deflate_declined);
  adopt(index);
  // What came with the answer is the first frame. If that ends the connection, it was established.
  if (!bytes.empty()) static_cast<void>(take(index, bytes));
  return Opening::established;
}

EchoExchange::Opening WebSocketExchange::refuse(std::string why) {
  refusal_ = "handshake: " + std::move(why);
  return Opening::refused;
}

EchoExchange::Outgoing WebSocketExchange::outgoing(std::uint32_t index, const Request& request,
                                                   std::size_t offset) {
  const FramedMessage message = framed(index, request);
  const std::size_t size = composer_.compose(message, offset, frames_);
  return {.bytes = std::span(frames_).first(size),
          .ends_request = offset + size == composer_.stream_bytes(message.payload.size())};
}

FramedMessage WebSocketExchange::framed(std::uint32_t index, const Request& request) {
  const std::uint32_t number = number_of(index);
  FramedMessage framed{.payload = payload().message(number, request.sequence),
                       .name = (std::uint64_t{number} << 32) | request.sequence};
  if (!states_[index].client.has_deflate()) return framed;
  if (!last_compressed_ || last_compressed_->name != framed.name) {
    auto codec = codecs_.take();
    last_compressed_ = {
        .name = framed.name,
        .message = codec->deflate(framed.payload, protocol::DeflateTerms::window_bits_max)};
    codecs_.give_back(std::move(codec));
  }
  framed.payload = last_compressed_->message.payload;
  framed.is_compressed = true;
  return framed;
}

void WebSocketExchange::on_left(std::uint32_t index, const Request& request) {
  if (!states_[index].client.has_deflate()) return;
  ++result_.compressed_sent;
  result_.compressed_sent_bytes += last_compressed_->message.payload.size();
  result_.compressed_sent_message_bytes +=
      payload().message(number_of(index), request.sequence).size();
}

void WebSocketExchange::count_compressed_answer(const Incoming& message) {
  if (!message.was_compressed) return;
  ++result_.compressed_received;
  result_.compressed_received_bytes += message.compressed_bytes;
  result_.compressed_received_message_bytes += message.payload.size();
}

EchoExchange::Outcome WebSocketExchange::take(std::uint32_t index, std::span<std::byte> bytes) {
  WebSocketState& state = states_[index];
  const auto nonce = std::array<std::byte, protocol::nonce_bytes>{};  // of no use any more
  while (auto event = state.client.next(bytes, settings_of(index), nonce, codecs_)) {
    if (take_incoming(index, event->incoming) == Outcome::closed) return Outcome::closed;
  }
  return Outcome::kept;
}

EchoExchange::Outcome WebSocketExchange::take_incoming(std::uint32_t index, Incoming& incoming) {
  switch (incoming.kind) {
    case Incoming::Kind::text:
    case Incoming::Kind::binary: {
      const Opcode opcode = incoming.kind == Incoming::Kind::text ? Opcode::text : Opcode::binary;
      count_compressed_answer(incoming);
      // What comes after our Close is none of the run's business.
      if (connection(index).state != ConnectionState::established) return Outcome::kept;
      verifier().take_message(connection(index), number_of(index), incoming.payload,
                              opcode == opcode_, *this);
      return Outcome::kept;
    }
    case Incoming::Kind::ping:
      ++result_.pings_received;
      return send_control(index, Opcode::pong, incoming.payload);
    case Incoming::Kind::pong:
      take_pong(index, incoming.payload);
      return Outcome::kept;
    case Incoming::Kind::close:
      return take_close(index, incoming);
    case Incoming::Kind::failure:
      break;
  }
  ++result_.protocol_errors;
  if (send_close(index, incoming.code) == Outcome::kept) {
    close(index, fmt::format("protocol error: {}", incoming.why));
  }
  return Outcome::closed;
}

// The first answer to our Close, or a Close of the server's own, which ends the connection early.
EchoExchange::Outcome WebSocketExchange::take_close(std::uint32_t index, const Incoming& close) {
  WebSocketState& state = states_[index];
  if (connection(index).state == ConnectionState::closing) {
    // Only now, for the ping before it may have had its pong after it.
    result_.close_ns.record(last_ns() - std::exchange(state.asked_ns, 0));
    ++result_.closes_answered;
    if (close.code != CloseCode::normal) ++result_.closes_answered_otherwise;
    return Outcome::kept;  // the server ends the connection (RFC 6455, section 7.1.1)
  }
  ++result_.closes_received;
  if (send_close(index, close.code) == Outcome::closed) return Outcome::closed;
  this->close(index, fmt::format("Close {}", static_cast<unsigned>(close.code)));
  return Outcome::closed;
}

void WebSocketExchange::take_pong(std::uint32_t index, std::span<const std::byte> payload) {
  os::Nanoseconds due_ns = 0;
  const bool is_ours = payload.size() == sizeof due_ns;
  if (is_ours) std::memcpy(&due_ns, payload.data(), sizeof due_ns);
  WebSocketState& state = states_[index];
  // A pong that nobody asked for is allowed (section 5.5.3), and answers nothing.
  const bool is_answer = is_ours && state.asked_ns == due_ns && due_ns != 0;
  if (!is_answer || connection(index).state != ConnectionState::established) {
    ++result_.pongs_unasked;
    return;
  }
  state.asked_ns = 0;
  --pings_out_;
  ++result_.pongs_received;
  if (window().contains(due_ns)) result_.ping_rtt_ns.record(last_ns() - due_ns);
}

bool WebSocketExchange::is_quiet(std::uint32_t index) const {
  return EchoExchange::is_quiet(index) && states_[index].asked_ns == 0 && !waiting_.contains(index);
}

void WebSocketExchange::ping(std::uint32_t index, os::Nanoseconds due_ns) {
  const bool is_retiring = connection(index).is_retiring;
  if (connection(index).state != ConnectionState::established || is_retiring) return;
  WebSocketState& state = states_[index];
  if (state.asked_ns != 0) {
    ++result_.pings_skipped;
    return;
  }
  state.asked_ns = due_ns;
  ++pings_out_;
  ++result_.pings_sent;
  std::array<std::byte, sizeof due_ns> payload{};
  std::memcpy(payload.data(), &due_ns, sizeof due_ns);
  static_cast<void>(send_control(index, Opcode::ping, payload));
}

void WebSocketExchange::begin_closing(std::uint32_t index) {
  if (connection(index).state != ConnectionState::established) return;
  leave(index);
  ++closing_;
  ++result_.closes_sent;
  if (states_[index].asked_ns != 0) --pings_out_;
  states_[index].asked_ns = look_at_clock();
  static_cast<void>(send_close(index, CloseCode::normal));
}

EchoExchange::Outcome WebSocketExchange::send_close(std::uint32_t index, CloseCode code) {
  if (code == CloseCode::none_given) return send_control(index, Opcode::close, {});
  const auto number = static_cast<unsigned>(code);
  const std::array payload{static_cast<std::byte>(number >> 8),
                           static_cast<std::byte>(number & 0xff)};
  return send_control(index, Opcode::close, payload);
}

EchoExchange::Outcome WebSocketExchange::send_control(std::uint32_t index, Opcode opcode,
                                                      std::span<const std::byte> payload) {
  std::vector<std::byte> frame;
  protocol::append_frame(
      {.opcode = opcode, .is_masked = true, .key = composer_.key(control_name, ++control_frames_)},
      payload, frame);
  Connection& own = connection(index);
  std::size_t sent_bytes = 0;
  if (own.sent_bytes == 0 && !own.has_urgent && !own.awaits_room) {
    const auto sent = os::write_some(own.fd, frame);
    if (!sent && !os::would_block(sent.error())) {
      close(index, os::error_name(sent.error().code));
      return Outcome::closed;
    }
    sent_bytes = sent.value_or(0);
    if (sent_bytes == frame.size()) return Outcome::kept;
  }
  auto& waiting = waiting_[index];
  waiting.insert(waiting.end(), frame.begin() + static_cast<std::ptrdiff_t>(sent_bytes),
                 frame.end());
  own.has_urgent = true;
  await_room(index, true);
  return Outcome::kept;
}

EchoExchange::Outcome WebSocketExchange::send_urgent(std::uint32_t index) {
  Connection& own = connection(index);
  auto& waiting = waiting_[index];
  const auto sent = os::write_some(own.fd, waiting);
  if (!sent && os::would_block(sent.error())) return Outcome::kept;
  if (!sent) {
    close(index, os::error_name(sent.error().code));
    return Outcome::closed;
  }
  waiting.erase(waiting.begin(), waiting.begin() + static_cast<std::ptrdiff_t>(*sent));
  if (!waiting.empty()) return Outcome::kept;
  waiting_.erase(index);
  own.has_urgent = false;
  return Outcome::kept;
}

void WebSocketExchange::on_closed(std::uint32_t index) {
  if (connection(index).state == ConnectionState::closing) {
    --closing_;
  } else if (states_[index].asked_ns != 0) {
    --pings_out_;
  }
  if (connection(index).has_urgent) waiting_.erase(index);
  states_[index] = {};
}

}  // namespace c1m::loadgen
