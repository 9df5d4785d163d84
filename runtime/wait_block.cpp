// Where the block comes from; see wait_block.hpp.
#include "runtime/wait_block.hpp"

#include <new>

#include "runtime/frozen_pool.hpp"
#include "runtime/thread_state.hpp"
#include "runtime/worker.hpp"

namespace c1m::runtime {

WaitBlock::WaitBlock(std::size_t bytes) : bytes_(bytes) {
  Worker* const worker = current_worker();
  of_worker_ = worker != nullptr && bytes <= FrozenClasses::block_bytes_max;
  memory_ = of_worker_ ? worker->take_block(bytes) : ::operator new(bytes);
}

WaitBlock::~WaitBlock() {
  if (of_worker_) {
    current_worker()->give_back_block(memory_, bytes_);
  } else {
    ::operator delete(memory_, bytes_);
  }
}

}  // namespace c1m::runtime
