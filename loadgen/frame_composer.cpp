// Where each frame lies in the stream; see frame_composer.hpp.
#include "loadgen/frame_composer.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "os/assert.hpp"

namespace c1m::loadgen {
namespace {

constexpr bool is_masked = true;

}  // namespace

std::size_t FrameComposer::payload_bytes_max(std::size_t message_bytes) const {
  return fragment_bytes_ == 0 ? message_bytes : std::min(fragment_bytes_, message_bytes);
}

std::size_t FrameComposer::stream_bytes(std::size_t payload_bytes) const {
  C1M_ASSERT(payload_bytes > 0, "a message has bytes");
  const std::size_t most = payload_bytes_max(payload_bytes);
  const std::size_t before_last = (payload_bytes - 1) / most;
  const std::size_t last = payload_bytes - before_last * most;
  return before_last * (protocol::frame_header_bytes(most, is_masked) + most) +
         protocol::frame_header_bytes(last, is_masked) + last;
}

FrameComposer::Frame FrameComposer::frame(std::size_t number, const FramedMessage& message) const {
  const std::size_t most = payload_bytes_max(message.payload.size());
  Frame frame;
  frame.message_offset = number * most;
  const std::size_t left = message.payload.size() - frame.message_offset;
  frame.header.is_final = left <= most;
  // RFC 7692, section 6.1: the message's bit, on its first frame.
  frame.header.is_compressed = message.is_compressed && number == 0;
  frame.header.opcode = number == 0 ? opcode_ : protocol::Opcode::continuation;
  frame.header.is_masked = is_masked;
  frame.header.key = key(message.name, number);
  frame.header.payload_bytes = std::min(left, most);
  return frame;
}

std::size_t FrameComposer::compose(const FramedMessage& message, std::size_t offset,
                                   std::span<std::byte> to) const {
  const std::span<const std::byte> payload = message.payload;
  const std::size_t most = payload_bytes_max(payload.size());
  const std::size_t frame_bytes = protocol::frame_header_bytes(most, is_masked) + most;
  std::size_t number = offset / frame_bytes;
  std::size_t within = offset % frame_bytes;  // of the frame, what is left out
  std::size_t done = 0;
  for (; number * most < payload.size() && done < to.size(); ++number, within = 0) {
    const Frame next = frame(number, message);
    std::array<std::byte, protocol::frame_header_bytes_max> header{};
    const std::size_t header_bytes = protocol::write_frame_header(next.header, header.data());
    if (within < header_bytes) {
      const std::size_t size = std::min(header_bytes - within, to.size() - done);
      std::memcpy(to.data() + done, header.data() + within, size);
      done += size;
      within += size;
      if (within < header_bytes) break;
    }
    const std::size_t from = within - header_bytes;
    const std::size_t size =
        std::min<std::size_t>(next.header.payload_bytes - from, to.size() - done);
    protocol::apply_mask(payload.subspan(next.message_offset + from, size), to.data() + done,
                         next.header.key, from);
    done += size;
  }
  return done;
}

protocol::MaskKey FrameComposer::key(std::uint64_t name, std::uint64_t frame) const {
  const std::uint64_t hash = mix64(mix64(secret_ ^ name) + frame);
  return std::bit_cast<protocol::MaskKey>(static_cast<std::uint32_t>(hash));
}

}  // namespace c1m::loadgen
