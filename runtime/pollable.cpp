// Waiting for a descriptor: the meeting of a coroutine with edges, deadlines, close and stop. See
// pollable.hpp.
#include "runtime/pollable.hpp"

#include <utility>

#include "os/assert.hpp"
#include "runtime/netpoller.hpp"
#include "runtime/safeguard.hpp"
#include "runtime/wait.hpp"

namespace c1m::runtime {
namespace {

constexpr const char* operation_of(Direction direction) {
  return direction == Direction::read ? "wait_readable" : "wait_writable";
}

// What forbids a wait to begin or to go on, if anything does.
os::Result<void> obstacle(PollDescriptor& state, Direction direction, const Scheduler& scheduler,
                          const Context& context) {
  if (state.is_closing()) return os::fail(EBADF, operation_of(direction));
  if (scheduler.stopped()) return os::fail(ECANCELED, operation_of(direction));
  if (context.is_cancelled()) return os::fail(context.cause(), operation_of(direction));
  return {};
}

// Parks until an edge or an interruption. Returns early, without a reason, in doubt.
void wait_once(PollDescriptor& state, Direction direction, os::Nanoseconds deadline_ns,
               WaitReason reason, const Context& context) {
  Wait wait(reason, static_cast<std::uint32_t>(state.fd.load(std::memory_order_relaxed)));
  PollWord& word = state.word(direction);
  if (!word.publish(wait.token())) {
    wait.cancel();
    return;
  }
  if (deadline_ns != no_deadline) wait.end_at(deadline_ns);
  // Whoever closes, stops or changes the deadline does that before it interrupts the word: either
  // it finds the token, or this sees the change. All of it is sequentially consistent.
  const bool changed = !wait.end_on(context) ||
                       !obstacle(state, direction, wait.scheduler(), context) ||
                       state.deadline_ns(direction).load() != deadline_ns;
  if (changed && in_force(Safeguard::look_after_publish)) {
    wait.cancel();
  } else {
    wait.park();
  }
  word.retract(wait.token());
}

// A coroutine whose operations never have to wait lets others run, and the network be looked at,
// from time to time.
void give_way_if_due() {
  Worker& worker = worker_of_caller();
  if (!worker.spend_budget()) return;
  worker.poll_soon();
  worker.yield();
}

os::Result<void> wait_for(Netpoller& poller, PollDescriptor& state, Direction direction,
                          WaitReason reason, const Context& context) {
  give_way_if_due();
  const Scheduler& scheduler = worker_of_caller().scheduler();
  bool& exhausted = state.exhausted_in(direction);
  for (;;) {
    if (auto allowed = obstacle(state, direction, scheduler, context); !allowed) return allowed;
    if (!exhausted || state.word(direction).consume_ready()) break;
    const os::Nanoseconds deadline_ns = state.deadline_ns(direction).load();
    if (deadline_ns != no_deadline && deadline_ns <= scheduler.now_ns()) {
      return os::fail(ETIMEDOUT, operation_of(direction));
    }
    if (auto armed = poller.arm(state, direction); !armed) return armed;
    wait_once(state, direction, deadline_ns, reason, context);
  }
  exhausted = false;
  return {};
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

os::Result<void> Pollable::wait_readable(WaitReason reason, const Context& context) {
  C1M_ASSERT(state_ != nullptr, "an empty Pollable cannot be waited for");
  return wait_for(*poller_, *state_, Direction::read, reason, context);
}

os::Result<void> Pollable::wait_writable(WaitReason reason, const Context& context) {
  C1M_ASSERT(state_ != nullptr, "an empty Pollable cannot be waited for");
  return wait_for(*poller_, *state_, Direction::write, reason, context);
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
  RingPoller* ring = poller_ != nullptr ? poller_->ring() : nullptr;
  if (ring == nullptr) return std::nullopt;
  const RingPoller::Taken taken = ring->take(*state_, buffer);
  // What is received later sets the word; without a receive the reader has to ask.
  state_->exhausted_in(Direction::read) = taken.receiving;
  if (taken.bytes > 0) return taken.bytes;
  if (taken.error != 0) return os::fail(taken.error, "recv");
  if (taken.receiving) return os::fail(EAGAIN, "recv");
  return std::nullopt;
}

void Pollable::set_read_deadline(os::Nanoseconds deadline_ns) {
  set_deadline(Direction::read, deadline_ns);
}

void Pollable::set_write_deadline(os::Nanoseconds deadline_ns) {
  set_deadline(Direction::write, deadline_ns);
}

void Pollable::set_deadline(Direction direction, os::Nanoseconds deadline_ns) {
  C1M_ASSERT(state_ != nullptr, "an empty Pollable has no deadlines");
  state_->deadline_ns(direction).store(deadline_ns);
  if (const WakeToken waiting = state_->word(direction).interrupt()) {
    worker_of_caller().scheduler().wake(waiting);
  }
}

void Pollable::close() {
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
