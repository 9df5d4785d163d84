// A place for one idle read buffer, so that connections need one only while they have something to
// read. Invariant: a buffer is in one place or with one borrower. Threads: any; taking and giving
// back never wait. Not here: bounds on buffers lent, which are as many as connections that answer
// at the same time.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>

namespace c1m::servers::coro {

class SpareBuffer {
 public:
  using Buffer = std::unique_ptr<std::byte[]>;

  explicit SpareBuffer(std::size_t buffer_bytes) : buffer_bytes_(buffer_bytes) {}
  SpareBuffer(const SpareBuffer&) = delete;
  SpareBuffer& operator=(const SpareBuffer&) = delete;
  ~SpareBuffer() { delete[] spare_.load(std::memory_order_relaxed); }

  // The spare one, or a new one when it is lent.
  Buffer take() {
    // Acquire: the last borrower's writes come before ours.
    if (std::byte* spare = spare_.exchange(nullptr, std::memory_order_acquire))
      return Buffer(spare);
    return std::make_unique_for_overwrite<std::byte[]>(buffer_bytes_);
  }

  // Keeps `buffer`, and frees the one that was here.
  void give_back(Buffer buffer) {
    const Buffer surplus(spare_.exchange(buffer.release(), std::memory_order_acq_rel));
  }

  [[nodiscard]] std::size_t buffer_bytes() const { return buffer_bytes_; }

 private:
  std::size_t buffer_bytes_;
  std::atomic<std::byte*> spare_ = nullptr;
};

}  // namespace c1m::servers::coro
