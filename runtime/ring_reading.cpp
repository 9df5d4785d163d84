// Received bytes, from completions to the readers of streams; see ring_poller.hpp.
#include <algorithm>
#include <cstring>
#include <mutex>
#include <tuple>
#include <utility>

#include "runtime/ring_poller.hpp"
#include "runtime/ring_tag.hpp"

namespace c1m::runtime {

void RingPoller::settle_receive(PollDescriptor& state, std::uint32_t index,
                                const os::Completion& completion) {
  if (completion.result > 0) {
    keep(state, completion);
    // Exactly once while the list grows: the end of the request comes later.
    const bool too_many = state.unread.buffers == unread_buffers_max + 1;
    if (too_many && completion.more_will_come()) {
      std::ignore = cancel(receive_request, state.sequence(), index);
    }
    return;
  }
  if (completion.has_buffer()) ring_->give(completion.buffer());
  // What passes says nothing about the stream: the reader asks the socket itself.
  const int error = -completion.result;
  if (error != 0 && !is_passing(error)) state.ring_error = static_cast<std::uint8_t>(error);
}

void RingPoller::keep(PollDescriptor& state, const os::Completion& completion) {
  const std::uint16_t index = completion.buffer();
  Buffer& buffer = buffers_[index];
  buffer.bytes = static_cast<std::uint32_t>(completion.result);
  buffer.held = true;
  held_.fetch_add(1, std::memory_order_relaxed);
  PollDescriptor::Unread& unread = state.unread;
  if (unread.buffers == 0) {
    unread.first = index;
  } else {
    buffers_[unread.last].next = index;
  }
  unread.last = index;
  ++unread.buffers;
}

RingPoller::Taken RingPoller::take(PollDescriptor& state, std::span<std::byte> buffer) {
  const std::lock_guard lock(mutex_);
  Taken taken;
  PollDescriptor::Unread& unread = state.unread;
  while (unread.buffers > 0 && taken.bytes < buffer.size()) {
    const std::uint16_t first = unread.first;
    const std::size_t left = buffers_[first].bytes - unread.offset;
    const std::size_t count = std::min(left, buffer.size() - taken.bytes);
    std::memcpy(buffer.data() + taken.bytes,
                memory_.data() + first * buffer_stride(options_) + unread.offset, count);
    taken.bytes += count;
    if (count < left) {
      unread.offset = static_cast<std::uint16_t>(unread.offset + count);
      break;
    }
    unread.offset = 0;
    unread.first = buffers_[first].next;
    --unread.buffers;
    give_back(first);
  }
  if (taken.bytes == 0 && unread.buffers == 0) {
    taken.error = std::exchange(state.ring_error, std::uint8_t{0});
  }
  taken.receiving =
      unread.buffers == 0 && state.ring_error == 0 && (state.ring_requests & receive_request) != 0;
  return taken;
}

void RingPoller::give_back(std::uint16_t buffer) {
  buffers_[buffer].held = false;
  held_.fetch_sub(1, std::memory_order_relaxed);
  ring_->give(buffer);
}

}  // namespace c1m::runtime
