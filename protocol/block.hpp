// A piece of heap memory that its owner fills, grows and hands on: bytes of a message or a reply
// that could not stay where they were received. Invariant: empty blocks hold no memory. Threads:
// values. Not here: a length; whoever fills a block knows how far.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <utility>

namespace c1m::protocol {

class Block {
 public:
  Block() = default;
  explicit Block(std::size_t capacity)
      : bytes_(std::make_unique_for_overwrite<std::byte[]>(capacity)), capacity_(capacity) {}
  Block(Block&& other) noexcept
      : bytes_(std::move(other.bytes_)), capacity_(std::exchange(other.capacity_, 0)) {}
  Block& operator=(Block&& other) noexcept {
    bytes_ = std::move(other.bytes_);
    capacity_ = std::exchange(other.capacity_, 0);
    return *this;
  }
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;
  ~Block() = default;

  [[nodiscard]] std::byte* data() const { return bytes_.get(); }
  [[nodiscard]] std::size_t capacity() const { return capacity_; }
  [[nodiscard]] bool is_empty() const { return capacity_ == 0; }

  // Room for `wanted` bytes at least, the first `kept` of which stay. Doubles, so that many small
  // steps copy each byte about once, but not beyond `most` (when that is enough).
  void grow(std::size_t wanted, std::size_t kept, std::size_t most) {
    if (wanted <= capacity_) return;
    Block larger(std::max(wanted, std::min(2 * capacity_, most)));
    kept = std::min(kept, capacity_);
    if (kept > 0) std::memcpy(larger.data(), data(), kept);
    *this = std::move(larger);
  }

 private:
  std::unique_ptr<std::byte[]> bytes_;
  std::size_t capacity_ = 0;
};

}  // namespace c1m::protocol
