// Choosing the place of each frame; see reply_writer.hpp.
#include "protocol/reply_writer.hpp"

#include <cstring>
#include <limits>
#include <utility>

#include "os/assert.hpp"

namespace c1m::protocol {

void ReplyWriter::add_frame(FrameHeader header, std::span<std::byte> payload, Block storage) {
  C1M_ASSERT(!header.is_masked, "a server does not mask");
  header.payload_bytes = payload.size();
  const std::size_t header_bytes = frame_header_bytes(payload.size(), false);
  const bool is_in_storage = !storage.is_empty() && !payload.empty();
  if (is_empty() && block_.is_empty() && !payload.empty()) {
    // The first frame stays where its payload is: the header goes right in front of that.
    std::span<std::byte> place = input_;
    if (is_in_storage) {
      block_ = std::move(storage);
      place = {block_.data(), block_.capacity()};
    }
    const bool is_inside = place.size() >= header_bytes + payload.size() &&
                           payload.data() >= place.data() + header_bytes &&
                           payload.data() + payload.size() <= place.data() + place.size();
    if (is_inside) {
      begin_ = static_cast<std::size_t>(payload.data() - place.data()) - header_bytes;
      end_ = begin_ + header_bytes + payload.size();
      write_frame_header(header, place.data() + begin_);
      return;
    }
  }
  std::byte* const to = make_room(header_bytes + payload.size());
  // The payload first: it may lie where the header goes.
  if (!payload.empty()) std::memmove(to + header_bytes, payload.data(), payload.size());
  write_frame_header(header, to);
}

void ReplyWriter::add_bytes(std::span<const std::byte> bytes) {
  if (bytes.empty()) return;
  std::memcpy(make_room(bytes.size()), bytes.data(), bytes.size());
}

std::byte* ReplyWriter::make_room(std::size_t bytes) {
  if (block_.is_empty()) {
    if (end_ + bytes <= taken_) {
      end_ += bytes;
      return input_.data() + end_ - bytes;
    }
    // No room in front of what is still to be read: go on in a block.
    Block block(end_ - begin_ + bytes);
    if (!is_empty()) std::memcpy(block.data(), input_.data() + begin_, end_ - begin_);
    block_ = std::move(block);
    end_ -= begin_;
    begin_ = 0;
  }
  block_.grow(end_ + bytes, end_, std::numeric_limits<std::size_t>::max());
  end_ += bytes;
  return block_.data() + end_ - bytes;
}

Reply ReplyWriter::finish(After after) && {
  const std::byte* const place = block_.is_empty() ? input_.data() : block_.data();
  return {.bytes = {place + begin_, end_ - begin_}, .after = after, .storage = std::move(block_)};
}

}  // namespace c1m::protocol
