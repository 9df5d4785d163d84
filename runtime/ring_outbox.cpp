// Places, sends and their ends; see ring_outbox.hpp.
#include "runtime/ring_outbox.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <tuple>
#include <utility>

#include "os/socket.hpp"
#include "runtime/ring_tag.hpp"

namespace c1m::runtime {
namespace {

// A cache line more than a message, so that places that are used together fall into different sets
// of the processor's caches.
constexpr std::size_t place_stride = RingOutbox::message_bytes_max + 64;

}  // namespace

os::Result<RingOutbox> RingOutbox::create() {
  auto memory = os::AddressSpace::reserve(places_max * place_stride);
  if (!memory) return std::unexpected(memory.error());
  return RingOutbox(std::move(*memory));
}

// --- places --------------------------------------------------------------------------------------

std::span<std::byte> RingOutbox::memory_of(std::uint32_t place) {
  return {memory_.data() + place * place_stride, message_bytes_max};
}

std::span<const std::byte> RingOutbox::rest_of(std::uint32_t place) {
  const Place& taken = places_[place];
  return memory_of(place).subspan(taken.begin, taken.end - taken.begin);
}

std::uint32_t RingOutbox::take(PollDescriptor& state) {
  std::uint32_t place = free_;
  if (place != none) {
    free_ = places_[place].next_free;
  } else if (places_.size() < places_max) {
    place = static_cast<std::uint32_t>(places_.size());
    places_.emplace_back();
  } else {
    return none;
  }
  places_[place] = {.state = &state, .fd = state.fd.load(std::memory_order_relaxed), .number = {}};
  state.ring_requests |= send_request;
  state.link = place;
  ++taken_;
  return place;
}

void RingOutbox::append(std::uint32_t place, std::span<const std::byte> bytes) {
  Place& taken = places_[place];
  std::memcpy(memory_of(place).data() + taken.end, bytes.data(), bytes.size());
  taken.end = static_cast<std::uint16_t>(taken.end + bytes.size());
}

void RingOutbox::list(std::uint32_t place) {
  if (std::exchange(places_[place].is_listed, true)) return;
  put_.push_back(place);
}

// Everything has left, or cannot any more. Returns the state, if its tenant is there still.
PollDescriptor* RingOutbox::finish(std::uint32_t place) {
  Place& taken = places_[place];
  taken.is_over = true;
  PollDescriptor* const state = std::exchange(taken.state, nullptr);
  if (state != nullptr) {
    state->ring_requests = static_cast<std::uint8_t>(state->ring_requests & ~send_request);
  }
  if (taken.number.get() >= 0) {
    taken.number.reset();
    --closed_;
  } else if (taken.ends_stream) {
    // A failure means that the peer has gone, which the next read tells.
    std::ignore = os::shut_down_write(taken.fd);
  }
  give_back(place);
  return state;
}

// The connection has failed. Ended, it fails whoever writes next, which is how he is told.
void RingOutbox::fail(std::uint32_t place) {
  Place& taken = places_[place];
  std::ignore = os::shut_down_write(taken.fd);
  if (taken.state != nullptr) taken.state->ring_requests |= send_failed;
  taken.begin = taken.end;
}

// Of a place that is over: now, or when the last that knows it comes here, a request or a list.
void RingOutbox::give_back(std::uint32_t place) {
  Place& taken = places_[place];
  if (taken.is_sending || taken.is_polling || taken.is_listed) return;
  taken.fd = -1;
  taken.next_free = std::exchange(free_, place);
  --taken_;
}

// --- the writer's side ---------------------------------------------------------------------------

Outgoing RingOutbox::put(PollDescriptor& state, std::span<const std::byte> bytes) {
  if ((state.ring_requests & send_request) == 0) {
    const bool fits = bytes.size() <= message_bytes_max;
    // A connection that has failed tells the writer by itself.
    if (!fits || (state.ring_requests & send_failed) != 0) return Outgoing::must_send;
    const std::uint32_t place = take(state);
    if (place == none) return Outgoing::must_send;
    append(place, bytes);
    list(place);
    return Outgoing::taken;
  }
  const Place& taken = places_[state.link];
  if (taken.is_sending || taken.is_polling || taken.ends_stream) return Outgoing::must_wait;
  if (taken.end + bytes.size() <= message_bytes_max) {
    append(state.link, bytes);
    return Outgoing::taken;
  }
  return flush(state) ? Outgoing::must_send : Outgoing::must_wait;
}

bool RingOutbox::flush(PollDescriptor& state) {
  if ((state.ring_requests & send_request) == 0) return true;
  const std::uint32_t place = state.link;
  return !places_[place].is_sending && !places_[place].is_polling && send_now(place);
}

// Whether everything has left, or cannot any more; then the place is given back. By direct calls,
// until the buffer is full.
bool RingOutbox::send_now(std::uint32_t place) {
  Place& taken = places_[place];
  while (taken.begin < taken.end) {
    const auto sent = os::write_some(taken.fd, rest_of(place));
    if (sent) {
      taken.begin = static_cast<std::uint16_t>(taken.begin + *sent);
    } else if (is_passing(sent.error().code)) {
      list(place);
      return false;
    } else {
      fail(place);
    }
  }
  std::ignore = finish(place);
  return true;
}

bool RingOutbox::end_after(PollDescriptor& state) {
  if (flush(state)) return false;
  places_[state.link].ends_stream = true;
  return true;
}

os::Descriptor RingOutbox::close(PollDescriptor& state, os::Descriptor number) {
  if (flush(state)) return number;
  places_[state.link].number = std::move(number);
  ++closed_;
  // The kernel would give up a peer that takes nothing by itself, were the number closed.
  std::ignore = os::set_unread_limit(places_[state.link].fd, unread_max_ns);
  return {};
}

void RingOutbox::forget(PollDescriptor& state) {
  if ((state.ring_requests & send_request) == 0) return;
  places_[state.link].state = nullptr;
}

// --- the ring's side -----------------------------------------------------------------------------

void RingOutbox::queue(os::Ring& ring) {
  // What cannot be queued is listed again, for the next time.
  queued_.swap(put_);
  for (const std::uint32_t place : queued_) {
    places_[place].is_listed = false;
    if (places_[place].is_over) {
      give_back(place);
    } else {
      send(ring, place);
    }
  }
  queued_.clear();
}

void RingOutbox::send(os::Ring& ring, std::uint32_t place) {
  Place& taken = places_[place];
  taken.has_room = false;
  taken.is_sending = ring.send(taken.fd, rest_of(place), RingTag::outgoing(place)).has_value();
  if (!taken.is_sending) list(place);
}

void RingOutbox::await_room(os::Ring& ring, std::uint32_t place) {
  Place& taken = places_[place];
  if (taken.is_polling) return;  // the edge comes
  const std::uint64_t tag = RingTag::outgoing_room(place);
  taken.is_polling = ring.poll_edges(taken.fd, os::Ring::Edges::writable, tag).has_value();
  if (!taken.is_polling) list(place);
}

void RingOutbox::settle_send(os::Ring& ring, std::uint32_t place, int result) {
  Place& taken = places_[place];
  taken.is_sending = false;
  if (result < 0 && !is_passing(-result)) {
    fail(place);
    return;
  }
  taken.begin = static_cast<std::uint16_t>(taken.begin + std::max(result, 0));
  if (taken.begin == taken.end) return;
  // A short send has found the buffer full, as EAGAIN has. For the others no edge comes.
  const bool is_full = result >= 0 || result == -EAGAIN;
  if (!is_full) {
    list(place);
  } else if (std::exchange(taken.has_room, false)) {
    send(ring, place);  // the edge has overtaken this completion, in a ring of all threads
  } else {
    await_room(ring, place);
  }
}

PollDescriptor* RingOutbox::settle(os::Ring& ring, const os::Completion& completion) {
  const RingTag tag(completion.tag);
  const std::uint32_t place = tag.place();
  Place& taken = places_[place];
  if (!tag.is_about_room()) {
    settle_send(ring, place, completion.result);
  } else {
    taken.is_polling = completion.more_will_come();
    const bool is_told = completion.is_writable() || !taken.is_polling;
    if (taken.is_sending) taken.has_room = taken.has_room || is_told;
    const bool is_idle = !taken.is_over && !taken.is_sending && !taken.is_listed;
    if (is_idle && is_told) send(ring, place);
  }
  if (taken.is_over) {
    give_back(place);
    return nullptr;
  }
  if (taken.begin < taken.end) return nullptr;
  if (taken.is_polling) std::ignore = ring.cancel(RingTag::outgoing_room(place));
  return finish(place);
}

void RingOutbox::change_rings() {
  for (std::uint32_t place = 0; place < places_.size(); ++place) {
    Place& taken = places_[place];
    if (taken.fd < 0) continue;
    taken.is_sending = taken.is_polling = false;
    if (!taken.is_over) {
      list(place);
    } else {
      give_back(place);
    }
  }
}

RingOutbox::~RingOutbox() {
  for (const Place& place : places_) {
    if (place.number.get() >= 0) std::ignore = os::reset_on_close(place.number.get());
  }
}

}  // namespace c1m::runtime
