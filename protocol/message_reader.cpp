// Two paths to the same events: a frame that is whole in the input is used where it lies; anything
// else goes through Partial, which exists only meanwhile. See message_reader.hpp.
#include "protocol/message_reader.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "protocol/utf8.hpp"

namespace c1m::protocol {
namespace {

using Kind = Incoming::Kind;
using Outcome = HeaderReading::Outcome;

constexpr std::size_t headroom = frame_header_bytes_max;

Incoming failed(Failure failure) {
  return {.kind = Kind::failure,
          .was_compressed = false,
          .compressed_bytes = 0,
          .payload = {},
          .storage = {},
          .code = failure.code,
          .why = failure.why};
}

Incoming whole_control(Opcode opcode, std::span<std::byte> payload, Block storage) {
  Incoming incoming{.kind = opcode == Opcode::ping ? Kind::ping : Kind::pong,
                    .was_compressed = false,
                    .compressed_bytes = 0,
                    .payload = payload,
                    .storage = std::move(storage),
                    .code = CloseCode::none_given,
                    .why = ""};
  if (opcode != Opcode::close) return incoming;
  const auto close = read_close_payload(payload);
  if (!close) return failed(close.error());
  incoming.kind = Kind::close;
  incoming.code = close->code;
  incoming.payload = payload.last(close->reason.size());
  return incoming;
}

constexpr Failure not_utf8{CloseCode::invalid_payload, "text that is not UTF-8"};
constexpr Failure too_big{CloseCode::too_big, "a message that is too big"};

// Of a message, as it travels.
std::size_t payload_bytes_max(const ReaderRules& rules, bool is_compressed) {
  return is_compressed ? compressed_bytes_max(rules.message_bytes_max) : rules.message_bytes_max;
}

// A message whose fragments are together. `is_checked`: its text has been checked as it arrived.
Incoming whole_message(Opcode opcode, std::span<std::byte> payload, Block storage,
                       bool is_checked) {
  const bool is_text = opcode == Opcode::text;
  if (is_text && !is_checked && !is_utf8(payload)) return failed(not_utf8);
  return {.kind = is_text ? Kind::text : Kind::binary,
          .was_compressed = false,
          .compressed_bytes = 0,
          .payload = payload,
          .storage = std::move(storage),
          .code = CloseCode::none_given,
          .why = ""};
}

Incoming decompressed(Opcode opcode, std::span<const std::byte> payload, const ReaderRules& rules) {
  auto codec = rules.codecs->take();
  auto message = codec->inflate(payload, rules.message_bytes_max);
  rules.codecs->give_back(std::move(codec));
  if (!message) return failed(message.error());
  Incoming incoming =
      whole_message(opcode, message->payload, std::move(message->storage), /*is_checked=*/false);
  incoming.was_compressed = incoming.kind != Kind::failure;
  incoming.compressed_bytes = payload.size();
  return incoming;
}

}  // namespace

// What has arrived of a message, and of the frame that is on its way.
struct MessageReader::Partial {
  // The frame. Its header first, as far as it has come.
  std::array<std::byte, frame_header_bytes_max> header_bytes{};
  std::uint8_t header_size = 0;
  bool is_in_payload = false;
  FrameHeader frame;
  std::uint64_t frame_received = 0;
  Block control;  // payload of a control frame, behind the headroom

  // The message, when one has begun.
  bool has_message = false;
  bool is_compressed = false;
  Opcode opcode = Opcode::binary;
  std::uint32_t fragments = 0;
  Utf8Validator text;
  Block message;  // behind the headroom
  std::size_t message_size = 0;

  // Whether the frame whose header is complete may come here.
  [[nodiscard]] std::optional<Failure> check(const FrameHeader& header,
                                             const ReaderRules& rules) const {
    if (is_control(header.opcode)) return std::nullopt;
    const bool continues = header.opcode == Opcode::continuation;
    if (continues && !has_message)
      return Failure{CloseCode::protocol_error, "a continuation of nothing"};
    if (!continues && has_message)
      return Failure{CloseCode::protocol_error, "a new message inside of another"};
    const bool is_of_compressed = continues ? is_compressed : header.is_compressed;
    if (header.payload_bytes > payload_bytes_max(rules, is_of_compressed) - message_size)
      return too_big;
    if (fragments >= rules.fragments_max)
      return Failure{CloseCode::policy_violation, "a message of too many fragments"};
    return std::nullopt;
  }

  void begin_frame(const FrameHeader& header) {
    frame = header;
    frame_received = 0;
    header_size = 0;
    is_in_payload = true;
    if (is_control(header.opcode)) {
      control = Block(headroom + header.payload_bytes);
      return;
    }
    ++fragments;
    if (header.opcode == Opcode::continuation) return;
    has_message = true;
    is_compressed = header.is_compressed;
    opcode = header.opcode;
    text = {};
  }

  // Takes what there is of the payload; false when it is text and cannot be any more.
  bool take_payload(std::span<std::byte>& input, const ReaderRules& rules) {
    const std::size_t size = std::min<std::uint64_t>(input.size(), left_of_frame());
    const std::span<std::byte> piece = input.first(size);
    input = input.subspan(size);
    std::byte* to = nullptr;
    if (is_control(frame.opcode)) {
      to = control.data() + headroom + frame_received;
    } else {
      const std::size_t most =
          frame.is_final ? message_size + left_of_frame() : payload_bytes_max(rules, is_compressed);
      message.grow(headroom + message_size + size, headroom + message_size, headroom + most);
      to = message.data() + headroom + message_size;
      message_size += size;
    }
    if (frame.is_masked) {
      apply_mask(piece, to, frame.key, frame_received);
    } else if (size > 0) {
      std::memcpy(to, piece.data(), size);
    }
    frame_received += size;
    const bool is_plain_text = opcode == Opcode::text && !is_compressed;
    return is_control(frame.opcode) || !is_plain_text || text.accept({to, size});
  }

  [[nodiscard]] std::uint64_t left_of_frame() const { return frame.payload_bytes - frame_received; }
};

MessageReader::MessageReader() = default;
MessageReader::MessageReader(MessageReader&&) noexcept = default;
MessageReader& MessageReader::operator=(MessageReader&&) noexcept = default;
MessageReader::~MessageReader() = default;

std::optional<Incoming> MessageReader::next(std::span<std::byte>& input, const ReaderRules& rules) {
  if (input.empty()) return std::nullopt;
  return partial_ ? take_parts(input, rules) : take_whole_frame(input, rules);
}

std::optional<Incoming> MessageReader::take_whole_frame(std::span<std::byte>& input,
                                                        const ReaderRules& rules) {
  const HeaderReading reading = read_frame_header(input, rules.role, rules.codecs != nullptr);
  if (reading.outcome == Outcome::wrong) return fail({CloseCode::protocol_error, reading.why});
  const FrameHeader& header = reading.header;
  const bool is_whole =
      reading.outcome == Outcome::complete && input.size() - reading.bytes >= header.payload_bytes;
  const bool needs_no_other = is_control(header.opcode) || header.is_final;
  if (!is_whole || !needs_no_other || header.opcode == Opcode::continuation) {
    partial_ = std::make_unique<Partial>();
    return take_parts(input, rules);
  }
  if (!is_control(header.opcode) &&
      header.payload_bytes > payload_bytes_max(rules, header.is_compressed))
    return fail(too_big);
  const std::span<std::byte> payload = input.subspan(reading.bytes, header.payload_bytes);
  input = input.subspan(reading.bytes + header.payload_bytes);
  if (header.is_masked) apply_mask(payload, header.key, 0);
  if (is_control(header.opcode)) return whole_control(header.opcode, payload, {});
  if (header.is_compressed) return decompressed(header.opcode, payload, rules);
  return whole_message(header.opcode, payload, {}, /*is_checked=*/false);
}

std::optional<Incoming> MessageReader::take_parts(std::span<std::byte>& input,
                                                  const ReaderRules& rules) {
  Partial& partial = *partial_;
  while (true) {
    if (!partial.is_in_payload) {
      if (input.empty()) return std::nullopt;
      // Behind what has come of the header before.
      const std::size_t known = partial.header_size;
      const std::size_t size = std::min(input.size(), partial.header_bytes.size() - known);
      std::memcpy(partial.header_bytes.data() + known, input.data(), size);
      const HeaderReading reading = read_frame_header(
          std::span(partial.header_bytes).first(known + size), rules.role, rules.codecs != nullptr);
      if (reading.outcome == Outcome::wrong) return fail({CloseCode::protocol_error, reading.why});
      if (reading.outcome == Outcome::incomplete) {
        partial.header_size = static_cast<std::uint8_t>(known + size);
        input = input.subspan(size);
        return std::nullopt;
      }
      if (const auto failure = partial.check(reading.header, rules)) return fail(*failure);
      input = input.subspan(reading.bytes - known);
      partial.begin_frame(reading.header);
    }
    if (!partial.take_payload(input, rules)) return fail(not_utf8);
    if (partial.left_of_frame() > 0) return std::nullopt;
    partial.is_in_payload = false;
    if (auto incoming = finish_frame(rules)) return incoming;
  }
}

// A control frame, or the last of a message; nothing when the message goes on.
std::optional<Incoming> MessageReader::finish_frame(const ReaderRules& rules) {
  Partial& partial = *partial_;
  if (is_control(partial.frame.opcode)) {
    const std::span payload(partial.control.data() + headroom, partial.frame.payload_bytes);
    Incoming incoming = whole_control(partial.frame.opcode, payload, std::move(partial.control));
    if (!partial.has_message || incoming.kind == Kind::failure) partial_.reset();
    return incoming;
  }
  if (!partial.frame.is_final) return std::nullopt;
  const std::unique_ptr<Partial> done = std::move(partial_);
  const std::span payload(done->message.data() + headroom, done->message_size);
  if (done->is_compressed) return decompressed(done->opcode, payload, rules);
  if (done->opcode == Opcode::text && !done->text.is_complete()) return failed(not_utf8);
  return whole_message(done->opcode, payload, std::move(done->message), /*is_checked=*/true);
}

Incoming MessageReader::fail(Failure failure) {
  partial_.reset();
  return failed(failure);
}

}  // namespace c1m::protocol
