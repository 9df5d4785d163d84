// The requests that are planned and not yet settled, of all connections of a shard, in one pool.
//
// So memory follows the number in flight, not the number of connections: a connection holds only
// the first and the last of its own queue. Blocks are never moved and never given back; a free
// request is reused last in, first out, while its cache line is warm.
// Invariant: size() <= capacity. Threads: one owner.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "os/clock.hpp"

namespace c1m::loadgen {

// A place in the pool.
using RequestIndex = std::uint32_t;
inline constexpr RequestIndex no_request = UINT32_MAX;

struct Request {
  os::Nanoseconds intended_ns = 0;  // when the plan wants it sent
  os::Nanoseconds sent_ns = 0;      // when its first byte went to the kernel; 0: not yet
  RequestIndex next = no_request;   // the following request of the same connection
  std::uint32_t sequence = 0;       // its number on its connection: chooses the payload
};
static_assert(sizeof(Request) == 24);

class RequestPool {
 public:
  // `capacity`: the most requests at a time, below no_request.
  explicit RequestPool(std::uint32_t capacity) : capacity_(capacity) {}

  // A fresh request, or no_request when `capacity` are in use.
  RequestIndex take();
  void give_back(RequestIndex index);

  Request& operator[](RequestIndex index) {
    return (*blocks_[index / block_requests])[index % block_requests];
  }
  const Request& operator[](RequestIndex index) const {
    return (*blocks_[index / block_requests])[index % block_requests];
  }

  [[nodiscard]] std::uint32_t size() const { return size_; }
  [[nodiscard]] std::size_t heap_bytes() const { return blocks_.size() * sizeof(Block); }

 private:
  static constexpr std::size_t block_requests = 1024;
  using Block = std::array<Request, block_requests>;

  std::uint32_t capacity_;
  std::uint32_t size_ = 0;
  std::uint32_t created_ = 0;  // requests of blocks_ that were ever handed out
  RequestIndex free_ = no_request;
  std::vector<std::unique_ptr<Block>> blocks_;
};

}  // namespace c1m::loadgen
