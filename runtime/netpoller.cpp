// Registration, delivery of events, and the closing of numbers that operations hold; see
// netpoller.hpp.
#include "runtime/netpoller.hpp"

#include <mutex>
#include <tuple>

#include "os/assert.hpp"
#include "runtime/safeguard.hpp"

namespace c1m::runtime {
namespace {

constexpr std::uint64_t wake_event_tag = UINT64_MAX;
constexpr std::uint32_t both_directions = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
constexpr std::uint32_t closed_by_peer = EPOLLRDHUP | EPOLLHUP | EPOLLERR;

constexpr std::uint64_t sequence_of(std::uint64_t tenancy_or_tag) {
  return PollDescriptor::sequence_of(tenancy_or_tag);
}

}  // namespace

os::Result<std::unique_ptr<Netpoller>> Netpoller::create(
    std::size_t descriptors_max, const std::optional<RingPoller::Options>& ring) {
  auto poller = platform::Poller::create();
  if (!poller) return std::unexpected(poller.error());
  auto wake_event = platform::WakeEvent::create();
  if (!wake_event) return std::unexpected(wake_event.error());
  auto added = poller->add(wake_event->descriptor(), EPOLLIN | EPOLLET, wake_event_tag);
  if (!added) return std::unexpected(added.error());
  auto space = os::AddressSpace::reserve(descriptors_max * sizeof(PollDescriptor));
  if (!space) return std::unexpected(space.error());
  std::unique_ptr<Netpoller> netpoller(new Netpoller(std::move(*poller), std::move(*wake_event),
                                                     std::move(*space), descriptors_max));
  if (ring) {
    auto created = RingPoller::create(*ring, &netpoller->at(0), netpoller->wake_event_);
    if (!created) return std::unexpected(created.error());
    netpoller->ring_ = std::move(*created);
  }
  return netpoller;
}

Netpoller::Netpoller(platform::Poller poller, platform::WakeEvent wake_event,
                     os::AddressSpace space, std::size_t descriptors_max)
    : poller_(std::move(poller)),
      wake_event_(std::move(wake_event)),
      space_(std::move(space)),
      descriptors_max_(descriptors_max) {}

Netpoller::~Netpoller() {
  C1M_ASSERT(open_count() == 0, "descriptors are closed before their runtime goes");
}

PollDescriptor* Netpoller::take() {
  const std::lock_guard lock(mutex_);
  if (free_ != none) {
    PollDescriptor& state = at(free_);
    free_ = state.link;
    return &state;
  }
  const std::uint32_t created = created_.load(std::memory_order_relaxed);
  if (created == descriptors_max_) return nullptr;
  PollDescriptor* state = std::construct_at(&at(created));
  // Release: the ring's poll() sees the constructed words.
  created_.store(created + 1, std::memory_order_release);
  return state;
}

std::uint32_t Netpoller::created_under_lock() {
  std::unique_lock lock(mutex_, std::defer_lock);
  if (in_force(Safeguard::stop_lock)) lock.lock();
  return created_.load(std::memory_order_acquire);
}

os::Result<PollDescriptor*> Netpoller::open(os::Descriptor descriptor) {
  PollDescriptor* state = take();
  if (state == nullptr) return os::fail(EMFILE, "open (descriptors_max are in use)");
  // The sequence number was raised when the last tenant left; its flags go with it.
  const std::uint64_t sequence = sequence_of(state->tenancy.load(std::memory_order_relaxed));
  for (const Direction direction : {Direction::read, Direction::write}) {
    state->word(direction).reset();
    state->deadline_ns(direction).store(INT64_MAX, std::memory_order_relaxed);
  }
  // The registration itself brings the first edge for what is ready already, so a read starts by
  // waiting; a fresh descriptor takes a write.
  state->exhausted_in(Direction::read) = true;
  state->exhausted_in(Direction::write) = false;
  const int fd = descriptor.release();
  state->fd.store(fd, std::memory_order_relaxed);
  state->uses.store(0, std::memory_order_release);
  open_.fetch_add(1, std::memory_order_relaxed);
  auto added = ring_ ? ring_->adopt(*state)
                     : poller_.add(fd, both_directions, sequence << 32 | index_of(*state));
  if (!added) {
    begin_close(*state);
    release(*state);
    return std::unexpected(added.error());
  }
  return state;
}

void Netpoller::release(PollDescriptor& state) {
  C1M_ASSERT(state.uses.load() == PollDescriptor::closing, "nobody uses a released descriptor");
  const std::uint64_t next = sequence_of(state.tenancy.load(std::memory_order_relaxed)) + 1;
  state.tenancy.store(next << 32, std::memory_order_release);
  if (ring_) ring_->forget(state);
  open_.fetch_sub(1, std::memory_order_relaxed);
  const std::lock_guard lock(mutex_);
  state.link = std::exchange(free_, index_of(state));
}

bool Netpoller::acquire_use(PollDescriptor& state) {
  std::uint32_t uses = state.uses.load(std::memory_order_relaxed);
  while ((uses & PollDescriptor::closing) == 0) {
    if (state.uses.compare_exchange_weak(uses, uses + 1, std::memory_order_acquire)) return true;
  }
  return false;
}

void Netpoller::release_use(PollDescriptor& state) {
  // Release and acquire: the closing thread has seen the end of every operation.
  const std::uint32_t before = state.uses.fetch_sub(1, std::memory_order_acq_rel);
  if (before == (PollDescriptor::closing | 1)) close_number(state);
}

os::Result<void> Netpoller::ask_ring(PollDescriptor& state, Direction direction) {
  // The number must not be another's when the kernel hears it.
  if (!acquire_use(state)) return {};  // closing, as the caller is about to see
  auto armed = ring_->arm(state, direction);
  release_use(state);
  return armed;
}

void Netpoller::close_number(PollDescriptor& state) {
  // close(2) alone would leave the registration behind while a duplicate of the descriptor is open.
  // It fails when open() could not register, which is why the number is closed.
  const int fd = state.fd.load(std::memory_order_relaxed);
  state.fd.store(-1, std::memory_order_relaxed);
  if (ring_) {
    ring_->close(state, os::Descriptor(fd));
    return;
  }
  std::ignore = poller_.remove(fd);
  os::Descriptor(fd).reset();
}

bool Netpoller::begin_close(PollDescriptor& state) {
  // Sequentially consistent: interrupt() of the words follows, see PollWord::publish().
  const std::uint32_t before = state.uses.fetch_or(PollDescriptor::closing);
  if ((before & PollDescriptor::closing) != 0) return false;
  if (before == 0) close_number(state);
  return true;
}

std::size_t Netpoller::poll(os::Nanoseconds timeout_ns, std::span<WakeToken, wakes_max> wakes) {
  polls_.add();
  if (ring_) {
    const std::uint64_t before = ring_->completions();
    const std::size_t count =
        ring_->poll(timeout_ns, created_.load(std::memory_order_acquire), wakes);
    events_seen_.add(ring_->completions() - before);
    return count;
  }
  const auto ready = poller_.wait(events_, timeout_ns);
  C1M_ASSERT(ready, "epoll_wait on an open descriptor with a valid buffer succeeds");
  events_seen_.add(static_cast<std::uint64_t>(*ready));
  std::size_t count = 0;
  for (int i = 0; i < *ready; ++i) {
    const epoll_event& event = events_[static_cast<std::size_t>(i)];
    if (event.data.u64 != wake_event_tag) deliver(event, wakes, count);
  }
  return count;
}

void Netpoller::deliver(const epoll_event& event, std::span<WakeToken> wakes, std::size_t& count) {
  PollDescriptor& state = at(static_cast<std::uint32_t>(event.data.u64));
  std::uint64_t tenancy = state.tenancy.load(std::memory_order_acquire);
  if (sequence_of(tenancy) != sequence_of(event.data.u64)) {
    stale_events_.add();
    return;
  }
  const bool closed = (event.events & closed_by_peer) != 0;
  if (closed) {
    // Fails only when the tenant leaves at this moment; then nobody needs to know. Before the edge:
    // the reader that it wakes must not take a short read for the end of what there is.
    state.tenancy.compare_exchange_strong(tenancy, tenancy | PollDescriptor::peer_closed,
                                          std::memory_order_acq_rel);
  }
  // Should a new tenant have come in between, it gets an edge for nothing, which it must expect.
  if (closed || (event.events & EPOLLIN) != 0) {
    if (const WakeToken token = state.word(Direction::read).edge()) wakes[count++] = token;
  }
  if (closed || (event.events & EPOLLOUT) != 0) {
    if (const WakeToken token = state.word(Direction::write).edge()) wakes[count++] = token;
  }
}

}  // namespace c1m::runtime
