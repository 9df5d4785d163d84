// Requests, completions and the buffers between them; see ring_poller.hpp.
//
// With Sharing::one_thread the kernel finishes requests only while the ring's thread is inside
// io_uring_enter, which is where the saving comes from, and no other thread may enter. That suits
// one processor, whose worker is the one that polls. But processors change hands (a long blocking
// call, a coroutine locked to its thread, another run), so when another thread has to poll, the
// ring is given up for one that all may use: what was received is kept, and every wait that had a
// request in the old ring is woken to arm anew. That happens at most once. With several processors
// there is such a ring from the beginning: one a runtime, claimed like epoll, because with one a
// worker a coroutine that computes would keep its worker's events from the others.
#include "runtime/ring_poller.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

#include "os/assert.hpp"
#include "os/thread.hpp"
#include "runtime/ring_tag.hpp"

namespace c1m::runtime {
namespace {

// What a wait in this direction needs in the kernel.
std::uint8_t request_for(const PollDescriptor& state, Direction direction) {
  if (direction == Direction::write) return write_poll_request;
  return (state.ring_requests & receives_ahead) != 0 ? receive_request : read_poll_request;
}

}  // namespace

os::Result<std::unique_ptr<RingPoller>> RingPoller::create(const Options& options,
                                                           PollDescriptor* descriptors,
                                                           platform::WakeEvent& wake_event) {
  auto ring = os::Ring::create(options.sharing);
  if (!ring) return std::unexpected(ring.error());
  auto memory = os::AddressSpace::reserve(options.buffers * buffer_stride(options));
  if (!memory) return std::unexpected(memory.error());
  auto outbox = RingOutbox::create();
  if (!outbox) return std::unexpected(outbox.error());
  std::unique_ptr<RingPoller> poller(new RingPoller(
      std::move(*ring), std::move(*memory), std::move(*outbox), options, descriptors, wake_event));
  const std::lock_guard lock(poller->mutex_);
  if (auto given = poller->give_free_buffers(*poller->ring_); !given) {
    return std::unexpected(given.error());
  }
  return poller;
}

RingPoller::RingPoller(os::Ring ring, os::AddressSpace memory, RingOutbox outbox,
                       const Options& options, PollDescriptor* descriptors,
                       platform::WakeEvent& wake_event)
    : options_(options),
      descriptors_(descriptors),
      wake_event_(wake_event),
      memory_(std::move(memory)),
      buffers_(options.buffers),
      ring_(std::move(ring)),
      outbox_(std::move(outbox)) {
  if (options.sharing == os::Ring::Sharing::any_thread) watch_wake_event();
}

RingPoller::~RingPoller() = default;

os::Result<void> RingPoller::give_free_buffers(os::Ring& ring) {
  const std::span<std::byte> memory(memory_.data(), options_.buffers * buffer_stride(options_));
  auto set = ring.set_buffers(memory, options_.buffers, options_.buffer_bytes);
  if (!set) return set;
  for (std::size_t i = 0; i < buffers_.size(); ++i) {
    if (!buffers_[i].held) ring.give(static_cast<std::uint16_t>(i));
  }
  return {};
}

// --- the life of a descriptor --------------------------------------------------------------------

os::Result<void> RingPoller::adopt(PollDescriptor& state) {
  const std::lock_guard lock(mutex_);
  state.ring_requests = 0;
  state.ring_error = 0;
  state.unread = {};
  return os::Ring::check_pollable(state.fd.load(std::memory_order_relaxed));
}

void RingPoller::receive_ahead(PollDescriptor& state) {
  const std::lock_guard lock(mutex_);
  state.ring_requests |= receives_ahead;
}

void RingPoller::close(PollDescriptor& state, os::Descriptor number) {
  const std::lock_guard lock(mutex_);
  // When the peer takes no more, the outbox keeps the number.
  number = outbox_.close(state, std::move(number));
  to_send_.store(outbox_.places_taken(), std::memory_order_relaxed);
  const std::uint8_t requests = state.ring_requests & all_requests;
  if (requests == 0) return;  // the number closes here
  std::erase_if(errands_, [&](const Errand& each) {
    return each.what == Errand::What::arm && each.index == index_of(state) &&
           each.sequence == state.sequence();
  });
  if (!may_use_ring()) {
    errands_.push_back({.what = Errand::What::close,
                        .index = index_of(state),
                        .sequence = state.sequence(),
                        .requests = requests,
                        .number = std::move(number)});
    wake_event_.signal();
    return;
  }
  // A request keeps the socket open, so the peer would not see its end before the next poll. Should
  // the kernel have no memory for this, the peer sees it when the ring is closed.
  std::ignore = cancel(requests, state.sequence(), index_of(state));
  std::ignore = ring_->submit_and_run();
}

void RingPoller::forget(PollDescriptor& state) {
  const std::lock_guard lock(mutex_);
  for (PollDescriptor::Unread& unread = state.unread; unread.buffers > 0; --unread.buffers) {
    const std::uint16_t buffer = unread.first;
    unread.first = buffers_[buffer].next;
    give_back(buffer);
  }
  outbox_.forget(state);
  state.ring_requests = 0;
}

// --- requests ------------------------------------------------------------------------------------

bool RingPoller::may_use_ring() {
  if (ring_->sharing() == os::Ring::Sharing::any_thread) return true;
  if (owner_ != 0) return owner_ == os::current_thread();
  // Fails when memory is short; then the next thread that comes tries again.
  if (!ring_->enable()) return false;
  owner_ = os::current_thread();
  watch_wake_event();
  return true;
}

void RingPoller::watch_wake_event() {
  // The queue is empty at both times that this is called.
  const auto watched =
      ring_->poll_edges(wake_event_.descriptor(), os::Ring::Edges::readable, RingTag::wake_event);
  C1M_ASSERT(watched, "a new ring has room for a request");
}

os::Result<void> RingPoller::request(std::uint8_t what, int fd, std::uint64_t tag) {
  if (what == receive_request) return ring_->receive(fd, tag);
  if (what == read_poll_request) return ring_->poll_readable(fd, tag);
  return ring_->poll_edges(fd, os::Ring::Edges::writable, tag);
}

os::Result<void> RingPoller::cancel(std::uint8_t requests, std::uint64_t sequence,
                                    std::uint32_t index) {
  os::Result<void> queued;
  for (const std::uint8_t what : {receive_request, read_poll_request, write_poll_request}) {
    if ((requests & what) == 0) continue;
    if (auto one = ring_->cancel(RingTag::bits(sequence, index, what)); !one) queued = one;
  }
  return queued;
}

bool RingPoller::wants(const PollDescriptor& state, Direction direction) const {
  const std::lock_guard lock(mutex_);
  // The outbox tells the writer of a stream that it has bytes of.
  if (direction == Direction::write && (state.ring_requests & send_request) != 0) return false;
  return (state.ring_requests & request_for(state, direction)) == 0;
}

os::Result<void> RingPoller::arm(PollDescriptor& state, Direction direction) {
  const std::lock_guard lock(mutex_);
  const std::uint8_t what = request_for(state, direction);
  const std::uint32_t index = index_of(state);
  const int fd = state.fd.load(std::memory_order_relaxed);
  if (!may_use_ring()) {
    errands_.push_back({.what = Errand::What::arm,
                        .index = index,
                        .sequence = state.sequence(),
                        .requests = what,
                        .number = {},
                        .fd = fd});
    wake_event_.signal();
  } else if (auto queued = request(what, fd, RingTag::bits(state.sequence(), index, what));
             !queued) {
    return queued;
  }
  state.ring_requests |= what;
  // A ring of one thread submits when that thread polls, many requests at once.
  if (ring_->sharing() == os::Ring::Sharing::any_thread) return ring_->submit();
  return {};
}

void RingPoller::run_errands() {
  if (errands_.empty()) return;
  for (Errand& errand : errands_) {
    if (errand.what == Errand::What::close) {
      std::ignore = cancel(errand.requests, errand.sequence, errand.index);
      std::ignore = ring_->submit_and_run();
      errand.number.reset();
      continue;
    }
    // The number is open still: an errand that closes it comes later in the list.
    const std::uint64_t tag = RingTag::bits(errand.sequence, errand.index, errand.requests);
    if (!request(errand.requests, errand.fd, tag)) {
      std::ignore = settle({.tag = tag, .result = -ECANCELED, .flags = 0});
      // Its waiter is woken with those of a changed ring, and tries again.
      PollDescriptor& state = descriptors_[errand.index];
      state.ring_requests |=
          direction_of(errand.requests) == Direction::read ? read_disturbed : write_disturbed;
      disturbed_begin_ = std::min(disturbed_begin_, errand.index);
      disturbed_end_ = std::max(disturbed_end_, errand.index + 1);
    }
  }
  errands_.clear();
  std::ignore = ring_->submit();
}

// --- completions ---------------------------------------------------------------------------------

RingPoller::About RingPoller::settle(const os::Completion& completion) {
  if (completion.tag == RingTag::wake_event) {
    if (!completion.more_will_come()) watch_wake_event();
    return {};
  }
  const RingTag tag(completion.tag);
  if (tag.is_outgoing()) {
    return {.state = outbox_.settle(*ring_, completion), .direction = Direction::write};
  }
  PollDescriptor& state = descriptors_[tag.index()];
  if (!tag.is_of(state.sequence())) {
    stale_completions_.add();
    if (completion.has_buffer()) ring_->give(completion.buffer());
    return {};
  }
  const std::uint8_t what = tag.request();
  if (!completion.more_will_come()) {
    state.ring_requests = static_cast<std::uint8_t>(state.ring_requests & ~what);
  }
  if (what == receive_request) settle_receive(state, tag.index(), completion);
  const bool says_nothing =
      what == write_poll_request && completion.more_will_come() && !completion.is_writable();
  if (says_nothing) return {};
  return {.state = &state, .direction = direction_of(what)};
}

// As long as there is room for what may be woken: sends complete before receives, and a batch of
// them alone would look as if nothing had come.
std::size_t RingPoller::reap(std::span<WakeToken> wakes, std::size_t count) {
  std::size_t reaped = completions_.size();
  while (reaped == completions_.size() && count + completions_.size() <= wakes.size()) {
    reaped = ring_->reap(completions_);
    completions_seen_.add(reaped);
    for (const os::Completion& completion : std::span(completions_).first(reaped)) {
      const About about = settle(completion);
      if (about.state == nullptr) continue;
      if (const WakeToken token = about.state->word(about.direction).edge()) wakes[count++] = token;
    }
  }
  return count;
}

void RingPoller::settle_all() {
  std::array<WakeToken, completions_max> nobody;
  const std::size_t woken = reap(nobody, 0);
  C1M_ASSERT(woken == 0, "nobody waits any more");
}

std::size_t RingPoller::poll(os::Nanoseconds timeout_ns, std::uint32_t created,
                             std::span<WakeToken> wakes) {
  {
    const std::lock_guard lock(mutex_);
    if (!may_use_ring() && !become_shared(created)) {
      // Memory is short. The next poll tries again.
      os::sleep_for(os::ns_per_ms);
      return 0;
    }
    run_errands();
    outbox_.queue(*ring_);
    // Memory is short; it is tried again soon.
    const bool waits_long = timeout_ns < 0 || timeout_ns > os::ns_per_ms;
    if (outbox_.is_to_be_queued() && waits_long) timeout_ns = os::ns_per_ms;
    if (ring_->sharing() == os::Ring::Sharing::any_thread) std::ignore = ring_->submit();
    if (disturbed_begin_ < disturbed_end_) return wake_disturbed(wakes);
  }
  const bool alone = ring_->sharing() == os::Ring::Sharing::one_thread;
  const auto waited = alone ? ring_->submit_and_wait(timeout_ns) : ring_->wait_only(timeout_ns);
  C1M_ASSERT(waited, "io_uring_enter by a thread that may");
  const std::lock_guard lock(mutex_);
  const std::size_t count = reap(wakes, 0);
  if (!alone) std::ignore = ring_->submit();  // what settling has queued
  to_send_.store(outbox_.places_taken(), std::memory_order_relaxed);
  return count;
}

// --- from one thread's ring to everybody's -------------------------------------------------------

bool RingPoller::become_shared(std::uint32_t created) {
  auto next = os::Ring::create(os::Ring::Sharing::any_thread);
  if (!next) return false;
  // What the old one has completed. More cannot come: its thread is outside of it, or it would have
  // claimed the poller, and a ring that is closed only ends its requests.
  for (std::size_t reaped = 0; (reaped = ring_->reap(completions_)) > 0;) {
    completions_seen_.add(reaped);
    for (const os::Completion& completion : std::span(completions_).first(reaped)) {
      if (completion.tag == RingTag::wake_event) continue;
      const About about = settle(completion);
      if (about.state == nullptr) continue;
      about.state->ring_requests |=
          about.direction == Direction::read ? read_disturbed : write_disturbed;
    }
  }
  if (!give_free_buffers(*next)) {
    disturbed_begin_ = 0;  // those whose completions were settled
    disturbed_end_ = created;
    return false;
  }
  ring_.reset();
  ring_.emplace(std::move(*next));
  owner_ = 0;
  changed_.store(true, std::memory_order_relaxed);
  outbox_.change_rings();
  watch_wake_event();
  // Those who armed are woken to do it again.
  std::erase_if(errands_, [](const Errand& each) { return each.what == Errand::What::arm; });
  for (PollDescriptor& state : std::span(descriptors_, created)) {
    const std::uint8_t requests = state.ring_requests;
    const bool read = (requests & (receive_request | read_poll_request)) != 0;
    const bool write = (requests & write_poll_request) != 0;
    state.ring_requests = static_cast<std::uint8_t>(
        (requests & ~all_requests) | (read ? read_disturbed : 0) | (write ? write_disturbed : 0));
  }
  disturbed_begin_ = 0;
  disturbed_end_ = created;
  return true;
}

std::size_t RingPoller::wake_disturbed(std::span<WakeToken> wakes) {
  std::size_t count = 0;
  while (disturbed_begin_ < disturbed_end_ && count + 2 <= wakes.size()) {
    PollDescriptor& state = descriptors_[disturbed_begin_++];
    const std::uint8_t requests = state.ring_requests;
    for (const Direction direction : {Direction::read, Direction::write}) {
      const std::uint8_t flag = direction == Direction::read ? read_disturbed : write_disturbed;
      if ((requests & flag) == 0) continue;
      if (const WakeToken token = state.word(direction).edge()) wakes[count++] = token;
    }
    state.ring_requests = static_cast<std::uint8_t>(requests & ~(read_disturbed | write_disturbed));
  }
  return count;
}

}  // namespace c1m::runtime
