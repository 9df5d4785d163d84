// The blocks of functions that are to be started; see start.hpp.
#include "runtime/start.hpp"

#include <mutex>
#include <utility>

#include "runtime/scheduler.hpp"
#include "runtime/thread_state.hpp"

namespace c1m::runtime {

void Start::give_back(void* block, std::size_t bytes) {
  current_worker()->give_back_block(block, bytes);
}

Start& Scheduler::make_start(const FunctionToStart& function, Worker* worker) {
  if (worker != nullptr) return function.move_into(worker->take_block(function.bytes()));
  const std::lock_guard lock(outside_blocks_mutex_);
  return function.move_into(outside_blocks_.take(function.bytes(), blocks_));
}

// Of coroutines that were spawned and never ran.
void Scheduler::drop_starts() {
  for (std::uint32_t index = 1; index <= table_->created(); ++index) {
    Coroutine& coroutine = table_->at(index);
    if (coroutine.has_begun() || coroutine.wait.state() != CoroutineState::runnable) continue;
    Start* start = std::exchange(coroutine.start, nullptr);
    const std::size_t bytes = start->drop();
    outside_blocks_.give_back(reinterpret_cast<std::byte*>(start), bytes, blocks_);
  }
}

}  // namespace c1m::runtime
