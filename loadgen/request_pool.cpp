// Taking and giving back; see request_pool.hpp.
#include "loadgen/request_pool.hpp"

#include "os/assert.hpp"

namespace c1m::loadgen {

RequestIndex RequestPool::take() {
  if (size_ == capacity_) return no_request;
  ++size_;
  if (free_ != no_request) {
    const RequestIndex index = free_;
    free_ = (*this)[index].next;
    (*this)[index] = Request{};
    return index;
  }
  if (created_ == blocks_.size() * block_requests) blocks_.push_back(std::make_unique<Block>());
  return created_++;
}

void RequestPool::give_back(RequestIndex index) {
  C1M_ASSERT(size_ > 0 && index < created_, "only a taken request is given back");
  --size_;
  (*this)[index].next = free_;
  free_ = index;
}

}  // namespace c1m::loadgen
