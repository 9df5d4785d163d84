// The session's phases; see websocket_session.hpp.
#include "protocol/websocket_session.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

namespace c1m::protocol {
namespace {

using Counters = WebSocketCounters;
using Kind = Incoming::Kind;

std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::span<const std::byte> as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

}  // namespace

struct WebSocketSession::Head {
  Block bytes;
  std::size_t size = 0;
};

WebSocketSession::WebSocketSession() = default;
WebSocketSession::WebSocketSession(WebSocketSession&&) noexcept = default;
WebSocketSession& WebSocketSession::operator=(WebSocketSession&&) noexcept = default;
WebSocketSession::~WebSocketSession() = default;

void WebSocketSession::begin(Service& service, Milliseconds now) {
  timer_.begin(service.settings.times, now);
}

ReaderRules WebSocketSession::reader_rules(Service& service) const {
  return {.role = Role::server,
          .message_bytes_max = service.settings.message_bytes_max,
          .fragments_max = service.settings.fragments_max,
          .codecs = deflate_bits_ > 0 ? &service.codecs : nullptr};
}

Reply WebSocketSession::receive(Service& service, std::span<std::byte> input, Milliseconds now) {
  ReplyWriter writer(input);
  std::span<std::byte> rest = input;
  if (phase_ == Phase::handshake && !shake_hands(service, rest, writer, now)) return {};
  if (phase_ == Phase::open) {
    timer_.hear();
    const ReaderRules rules = reader_rules(service);
    while (phase_ == Phase::open) {
      auto incoming = reader_.next(rest, rules);
      if (!incoming) break;
      writer.set_taken(input.size() - rest.size());
      answer(service, std::move(*incoming), writer, now);
    }
  }
  return std::move(writer).finish(std::exchange(after_, After::keep_open));
}

bool WebSocketSession::shake_hands(Service& service, std::span<std::byte>& rest,
                                   ReplyWriter& writer, Milliseconds now) {
  constexpr std::size_t bytes_max = WebSocketSettings::head_bytes_max;
  // One byte above the limit is enough to see that it is passed.
  const std::size_t before = head_ ? head_->size : 0;
  const std::size_t looked_at = std::min(rest.size(), bytes_max + 1 - before);
  std::string_view head = as_text(rest.first(looked_at));
  if (head_) {
    head_->bytes.grow(before + looked_at, before, bytes_max + 1);
    std::memcpy(head_->bytes.data() + before, rest.data(), looked_at);
    head = as_text({head_->bytes.data(), before + looked_at});
  }
  const HeadScan scan = scan_head(head, before);
  const bool is_too_long = head.size() > bytes_max &&
                           (scan.outcome != HeadScan::Outcome::complete || scan.bytes > bytes_max);
  if (scan.outcome == HeadScan::Outcome::wrong) {
    answer_request(service, refuse_upgrade(400, "not an HTTP/1.1 request"), writer, now);
  } else if (is_too_long) {
    answer_request(service, refuse_upgrade(431, "the headers are too long"), writer, now);
  } else if (scan.outcome == HeadScan::Outcome::complete) {
    rest = rest.subspan(scan.bytes - before);
    const UpgradeVerdict verdict =
        judge_upgrade(head.substr(0, scan.bytes), service.settings.upgrade);
    writer.set_taken(scan.bytes - before);
    answer_request(service, verdict, writer, now);
  } else {
    if (!head_) {
      head_ = std::make_unique<Head>();
      head_->bytes = Block(looked_at);
      std::memcpy(head_->bytes.data(), rest.data(), looked_at);
    }
    head_->size = before + looked_at;
    return false;
  }
  head_.reset();
  return true;
}

void WebSocketSession::answer_request(Service& service, const UpgradeVerdict& verdict,
                                      ReplyWriter& writer, Milliseconds now) {
  const TimeLimits& times = service.settings.times;
  was_answered_ = true;
  writer.add_bytes(as_bytes(verdict.answer));
  if (!verdict.is_accepted()) {
    Counters::add(service.counters.handshakes_refused, 1);
    phase_ = Phase::closing;
    after_ = After::finish;
    timer_.begin_close(times, now);
    return;
  }
  Counters::add(service.counters.sessions_opened, 1);
  is_counted_open_ = true;
  if (verdict.deflate) deflate_bits_ = verdict.deflate->own_window_bits;
  phase_ = Phase::open;
  timer_.open(times, now);
}

void WebSocketSession::answer(Service& service, Incoming incoming, ReplyWriter& writer,
                              Milliseconds now) {
  switch (incoming.kind) {
    case Kind::text:
    case Kind::binary:
      timer_.take_message(now);
      echo(service, std::move(incoming), writer);
      return;
    case Kind::ping:
      Counters::add(service.counters.pings_received, 1);
      writer.add_frame({.opcode = Opcode::pong}, incoming.payload, std::move(incoming.storage));
      return;
    case Kind::pong:
      Counters::add(service.counters.pongs_received, 1);
      return;
    case Kind::close:
      add_close(service, incoming.code, {}, writer, now);
      return;
    case Kind::failure:
      add_close(service, incoming.code, incoming.why, writer, now);
      return;
  }
}

void WebSocketSession::echo(Service& service, Incoming incoming, ReplyWriter& writer) {
  Counters& counters = service.counters;
  Counters::add(counters.messages_received, 1);
  Counters::add(counters.message_bytes_received, incoming.payload.size());
  Counters::add(counters.messages_sent, 1);
  Counters::add(counters.message_bytes_sent, incoming.payload.size());
  const Opcode opcode = incoming.kind == Kind::text ? Opcode::text : Opcode::binary;
  if (!incoming.was_compressed) {
    writer.add_frame({.opcode = opcode}, incoming.payload, std::move(incoming.storage));
    return;
  }
  auto codec = service.codecs.take();
  BlockMessage compressed = codec->deflate(incoming.payload, deflate_bits_);
  service.codecs.give_back(std::move(codec));
  writer.add_frame({.is_compressed = true, .opcode = opcode}, compressed.payload,
                   std::move(compressed.storage));
}

void WebSocketSession::add_close(Service& service, CloseCode code, std::string_view reason,
                                 ReplyWriter& writer, Milliseconds now) {
  std::array<std::byte, control_payload_bytes_max> payload{};
  std::size_t size = 0;
  if (code != CloseCode::none_given) {
    payload[0] = static_cast<std::byte>(static_cast<unsigned>(code) >> 8);
    payload[1] = static_cast<std::byte>(static_cast<unsigned>(code) & 0xff);
    reason = reason.substr(0, payload.size() - 2);
    std::ranges::copy(as_bytes(reason), payload.begin() + 2);
    size = 2 + reason.size();
  }
  writer.add_frame({.opcode = Opcode::close}, std::span(payload).first(size), {});
  count_close(service, code);
  phase_ = Phase::closing;
  // Section 7.1.1: the server is the first to end the connection, and reads until the peer has,
  // too.
  after_ = After::finish;
  reader_ = {};
  timer_.begin_close(service.settings.times, now);
}

Reply WebSocketSession::close_now(Service& service, CloseCode code, std::string_view reason,
                                  Milliseconds now) {
  ReplyWriter writer({});
  add_close(service, code, reason, writer, now);
  return std::move(writer).finish(std::exchange(after_, After::keep_open));
}

Reply WebSocketSession::expire(Service& service, Milliseconds now) {
  switch (timer_.expire(service.settings.times, now)) {
    case SessionTimer::Due::nothing:
      return {};
    case SessionTimer::Due::ping: {
      Counters::add(service.counters.pings_sent, 1);
      ReplyWriter writer({});
      writer.add_frame({.opcode = Opcode::ping}, {}, {});
      return std::move(writer).finish(After::keep_open);
    }
    case SessionTimer::Due::silence:
      return close_now(service, CloseCode::unexpected_condition, "no answer to two pings", now);
    case SessionTimer::Due::idleness:
      return close_now(service, CloseCode::going_away, "idle for too long", now);
    case SessionTimer::Due::end:
      break;
  }
  return {.bytes = {}, .after = After::close, .storage = {}};
}

Reply WebSocketSession::stop(Service& service, Milliseconds now) {
  Reply reply;
  if (phase_ == Phase::open)
    reply = close_now(service, CloseCode::going_away, "the server stops", now);
  reply.after = After::close;
  return reply;
}

void WebSocketSession::end(Service& service) {
  if (!was_answered_) Counters::add(service.counters.handshakes_abandoned, 1);
  if (is_counted_open_) count_close(service, CloseCode::abnormal);
}

void WebSocketSession::count_close(Service& service, CloseCode code) {
  is_counted_open_ = false;
  Counters::add(service.counters.closes[close_count_of(code)], 1);
  Counters::add(service.counters.sessions_ended, 1);
}

}  // namespace c1m::protocol
