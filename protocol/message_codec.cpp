// zlib's raw streams; see message_codec.hpp. Each side is set up when it is first used, for a
// worker may only ever receive compressed messages, or none.
#include "protocol/message_codec.hpp"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "os/assert.hpp"
#include "protocol/frame_header.hpp"

namespace c1m::protocol {
namespace {

// What a sender takes off every message and a receiver puts back: an empty stored block.
constexpr std::array<std::byte, 4> tail{std::byte{0}, std::byte{0}, std::byte{0xff},
                                        std::byte{0xff}};
constexpr std::size_t headroom = frame_header_bytes_max;
constexpr std::size_t first_capacity = 1024;
constexpr int window_bits_max = 15;
constexpr int memory_level = 8;  // zlib's default

// zlib counts in unsigned; messages are limited far below that (WebSocketSettings).
uInt to_uint(std::size_t bytes) {
  C1M_ASSERT(bytes <= 0xffff'ffffU, "a message fits zlib's counters");
  return static_cast<uInt>(bytes);
}

Bytef* to_zlib(const std::byte* bytes) {
  return reinterpret_cast<Bytef*>(const_cast<std::byte*>(bytes));
}

}  // namespace

struct MessageCodec::Streams {
  z_stream deflating{};
  int deflating_bits = 0;  // 0: not set up
  z_stream inflating{};
  bool is_inflating_set_up = false;

  ~Streams() {
    if (deflating_bits != 0) deflateEnd(&deflating);
    if (is_inflating_set_up) inflateEnd(&inflating);
  }
  Streams() = default;
  Streams(const Streams&) = delete;
  Streams& operator=(const Streams&) = delete;

  void begin_deflating(int bits) {
    if (deflating_bits == bits) {
      C1M_ASSERT(deflateReset(&deflating) == Z_OK, "the stream was set up");
      return;
    }
    if (deflating_bits != 0) deflateEnd(&deflating);
    deflating = {};
    const int code = deflateInit2(&deflating, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -bits,
                                  memory_level, Z_DEFAULT_STRATEGY);
    C1M_ASSERT(code == Z_OK, "zlib has memory for a stream");
    deflating_bits = bits;
  }

  void begin_inflating() {
    if (is_inflating_set_up) {
      C1M_ASSERT(inflateReset(&inflating) == Z_OK, "the stream was set up");
      return;
    }
    C1M_ASSERT(inflateInit2(&inflating, -window_bits_max) == Z_OK, "zlib has memory for a stream");
    is_inflating_set_up = true;
  }
};

MessageCodec::MessageCodec() : streams_(std::make_unique<Streams>()) {}
MessageCodec::~MessageCodec() = default;

BlockMessage MessageCodec::deflate(std::span<const std::byte> message, std::uint8_t window_bits) {
  streams_->begin_deflating(window_bits);
  z_stream& stream = streams_->deflating;
  // The flush adds a block's end and the tail to what deflateBound() knows of.
  constexpr std::size_t flush_bytes_max = 16;
  const std::size_t bound = deflateBound(&stream, to_uint(message.size())) + flush_bytes_max;
  BlockMessage compressed{.storage = Block(headroom + bound), .payload = {}};
  std::byte* const begin = compressed.storage.data() + headroom;
  stream.next_in = to_zlib(message.data());
  stream.avail_in = to_uint(message.size());
  stream.next_out = to_zlib(begin);
  stream.avail_out = to_uint(bound);
  const int code = ::deflate(&stream, Z_SYNC_FLUSH);
  const std::size_t size = bound - stream.avail_out;
  C1M_ASSERT(code == Z_OK && stream.avail_in == 0 && stream.avail_out > 0, "the bound suffices");
  C1M_ASSERT(
      size > tail.size() && std::memcmp(begin + size - tail.size(), tail.data(), tail.size()) == 0,
      "a flush ends with an empty stored block");
  compressed.payload = {begin, size - tail.size()};
  return compressed;
}

namespace {

// One message on its way out of the stream, up to a limit.
class Inflation {
 public:
  Inflation(z_stream& stream, std::size_t bytes_max) : stream_(stream), bytes_max_(bytes_max) {}

  // Feeds a piece of the payload to the stream.
  std::expected<void, Failure> feed(std::span<const std::byte> piece) {
    stream_.next_in = to_zlib(piece.data());
    stream_.avail_in = to_uint(piece.size());
    while (true) {
      // One byte above the limit, to see that it is passed.
      storage_.grow(headroom + std::min(size_ + first_capacity, bytes_max_ + 1), headroom + size_,
                    headroom + bytes_max_ + 1);
      const std::size_t room = storage_.capacity() - headroom - size_;
      stream_.next_out = to_zlib(storage_.data() + headroom + size_);
      stream_.avail_out = to_uint(room);
      const int code = ::inflate(&stream_, Z_SYNC_FLUSH);
      size_ += room - stream_.avail_out;
      if (size_ > bytes_max_)
        return std::unexpected(Failure{CloseCode::too_big, "a message that is too big"});
      if (code == Z_STREAM_END) {
        // A final block may stand anywhere; what follows begins anew (section 7.2.3.4).
        inflateReset(&stream_);
      } else if (code != Z_OK && code != Z_BUF_ERROR) {
        return corrupt();
      }
      // With room left, all that the input holds has come out.
      if (stream_.avail_in == 0 && stream_.avail_out > 0) return {};
    }
  }

  // After the tail: the data must end between two blocks.
  std::expected<BlockMessage, Failure> finish() {
    constexpr int between_blocks = 128;  // zlib.h on data_type
    if ((stream_.data_type & between_blocks) == 0) return corrupt();
    std::byte* const begin = storage_.data() + headroom;
    return BlockMessage{.storage = std::move(storage_), .payload = {begin, size_}};
  }

 private:
  static std::unexpected<Failure> corrupt() {
    return std::unexpected(Failure{CloseCode::invalid_payload, "bad compressed data"});
  }

  z_stream& stream_;
  std::size_t bytes_max_;
  Block storage_;
  std::size_t size_ = 0;
};

}  // namespace

std::expected<BlockMessage, Failure> MessageCodec::inflate(std::span<const std::byte> payload,
                                                           std::size_t bytes_max) {
  streams_->begin_inflating();
  Inflation inflation(streams_->inflating, bytes_max);
  if (auto fed = inflation.feed(payload); !fed) return std::unexpected(fed.error());
  if (auto fed = inflation.feed(tail); !fed) return std::unexpected(fed.error());
  return inflation.finish();
}

CodecShelf::~CodecShelf() {
  delete spare_.load(std::memory_order_relaxed);
}

std::unique_ptr<MessageCodec> CodecShelf::take() {
  // Acquire: the last user's writes come before ours.
  std::unique_ptr<MessageCodec> codec(spare_.exchange(nullptr, std::memory_order_acquire));
  return codec ? std::move(codec) : std::make_unique<MessageCodec>();
}

void CodecShelf::give_back(std::unique_ptr<MessageCodec> codec) {
  const std::unique_ptr<MessageCodec> surplus(
      spare_.exchange(codec.release(), std::memory_order_acq_rel));
}

}  // namespace c1m::protocol
