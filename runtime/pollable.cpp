// Waiting for a descriptor: the meeting of a coroutine with edges, deadlines, close and stop. See
// pollable.hpp.
#include "runtime/pollable.hpp"

#include <utility>

#include "os/assert.hpp"
#include "runtime/frame_check.hpp"
#include "runtime/netpoller.hpp"
#include "runtime/safeguard.hpp"
#include "runtime/wait.hpp"
#include "runtime/yield.hpp"

namespace c1m::runtime {
namespace {

// nullptr with epoll, and of an empty Pollable.
RingPoller* ring_of(const Netpoller* poller) {
  return poller != nullptr ? poller->ring() : nullptr;
}

// What forbids a wait to begin or to go on: an errno, or 0.
int obstacle(const PollDescriptor& state, const Scheduler& scheduler, const Context& context) {
  if (state.is_closing()) return EBADF;
  if (scheduler.stopped()) return ECANCELED;
  return context.error();
}

}  // namespace

os::Result<Pollable> Pollable::adopt(os::Descriptor descriptor) {
  Netpoller& poller = worker_of_caller().scheduler().netpoller();
  auto opened = poller.open(std::move(descriptor));
  if (!opened) return std::unexpected(opened.error());
  return Pollable(poller, **opened);
}

Pollable::Pollable(Pollable&& other) noexcept
    : poller_(std::exchange(other.poller_, nullptr)),
      state_(std::exchange(other.state_, nullptr)) {}

Pollable& Pollable::operator=(Pollable&& other) noexcept {
  std::swap(poller_, other.poller_);
  std::swap(state_, other.state_);
  return *this;
}

Pollable::~Pollable() {
  if (state_ == nullptr) return;
  close();
  poller_->release(*state_);
}

// Parks until an edge or an interruption. Returns early, without a reason, in doubt. What is live
// in here is memory of each idle connection; so all that comes before the park has a frame of its
// own.
int Pollable::wait_once(Wish wish, const Context& context) {
  C1M_ASSERT(state_ != nullptr, "an empty Pollable cannot be waited for");
  PollWord& word = state_->word(wish.direction);
  const auto [outcome, sources] = begin_wait(word, wish, context);
  if (outcome != to_park) return outcome;
  current_worker()->park();
  word.retract();
  if (sources != nullptr) sources->give_back();
  return again;
}

[[gnu::noinline]] Pollable::Begun Pollable::begin_wait(PollWord& word, Wish wish,
                                                       const Context& context) {
  check_reachable(this, "Pollable::wait");
  give_way_if_due();
  PollDescriptor& state = *state_;
  const Scheduler& scheduler = worker_of_caller().scheduler();
  if (const int error = obstacle(state, scheduler, context); error != 0) return {.outcome = error};
  bool& exhausted = state.exhausted_in(wish.direction);
  if (!exhausted || word.consume_ready()) {
    exhausted = false;
    return {.outcome = 0};
  }
  const os::Nanoseconds deadline_ns = state.deadline_ns(wish.direction).load();
  if (deadline_ns != no_deadline && deadline_ns <= scheduler.now_ns())
    return {.outcome = ETIMEDOUT};
  if (auto armed = poller_->arm(state, wish.direction); !armed)
    return {.outcome = armed.error().code};

  Wait wait(wish.reason, static_cast<std::uint32_t>(state.fd.load(std::memory_order_relaxed)));
  if (!word.publish(wait.token())) {
    wait.cancel();
    return {.outcome = again};
  }
  wait.end_at(deadline_ns);
  // Whoever closes, stops or changes the deadline does that before it interrupts the word: either
  // it finds the token, or this sees the change. All of it is sequentially consistent.
  const bool changed = !wait.end_on(context) || obstacle(state, scheduler, context) != 0 ||
                       state.deadline_ns(wish.direction).load() != deadline_ns;
  if (changed && in_force(Safeguard::look_after_publish)) {
    wait.cancel();
    word.retract();
    return {.outcome = again};
  }
  return {.outcome = to_park, .sources = wait.release_sources()};
}

void Pollable::read_would_block() {
  state_->exhausted_in(Direction::read) = true;
}
void Pollable::write_would_block() {
  state_->exhausted_in(Direction::write) = true;
}

void Pollable::read_was_short() {
  state_->exhausted_in(Direction::read) = !state_->peer_has_closed();
}

void Pollable::receive_ahead() {
  if (RingPoller* ring = poller_->ring()) ring->receive_ahead(*state_);
}

std::optional<os::Result<std::size_t>> Pollable::take_received(std::span<std::byte> buffer) {
  RingPoller* const ring = ring_of(poller_);
  if (ring == nullptr) return std::nullopt;
  const RingPoller::Taken taken = ring->take(*state_, buffer);
  // What is received later sets the word; without a receive the reader has to ask.
  state_->exhausted_in(Direction::read) = taken.receiving;
  if (taken.bytes > 0) return taken.bytes;
  if (taken.error != 0) return os::fail(taken.error, "recv");
  if (taken.receiving) return os::fail(EAGAIN, "recv");
  return std::nullopt;
}

Outgoing Pollable::send_later(std::span<const std::byte> bytes) {
  RingPoller* const ring = ring_of(poller_);
  return ring != nullptr ? ring->send_later(*state_, bytes) : Outgoing::must_send;
}

bool Pollable::flush() {
  RingPoller* const ring = ring_of(poller_);
  return ring == nullptr || ring->flush(*state_);
}

bool Pollable::end_after_sends() {
  RingPoller* const ring = ring_of(poller_);
  return ring != nullptr && ring->end_after_sends(*state_);
}

void Pollable::set_read_deadline(os::Nanoseconds deadline_ns) {
  set_deadline(Direction::read, deadline_ns);
}

void Pollable::set_write_deadline(os::Nanoseconds deadline_ns) {
  set_deadline(Direction::write, deadline_ns);
}

void Pollable::set_deadline(Direction direction, os::Nanoseconds deadline_ns) {
  check_reachable(this, "Pollable::set_deadline");
  C1M_ASSERT(state_ != nullptr, "an empty Pollable has no deadlines");
  state_->deadline_ns(direction).store(deadline_ns);
  if (const WakeToken waiting = state_->word(direction).interrupt()) {
    worker_of_caller().scheduler().wake(waiting);
  }
}

void Pollable::close() {
  check_reachable(this, "Pollable::close");
  if (state_ == nullptr || !poller_->begin_close(*state_)) return;
  for (PollWord& word : state_->words) {
    const WakeToken waiting = word.interrupt();
    if (waiting && in_force(Safeguard::close_interrupts)) {
      worker_of_caller().scheduler().wake(waiting);
    }
  }
}

bool Pollable::is_open() const {
  return state_ != nullptr && !state_->is_closing();
}

Pollable::Use::Use(const Pollable& pollable) : poller_(pollable.poller_), state_(pollable.state_) {
  if (state_ != nullptr && Netpoller::acquire_use(*state_))
    fd_ = state_->fd.load(std::memory_order_relaxed);
}

Pollable::Use::~Use() {
  if (fd_ >= 0) poller_->release_use(*state_);
}

}  // namespace c1m::runtime
