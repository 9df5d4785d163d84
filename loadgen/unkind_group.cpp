// Opening, standing, ending; see unkind_group.hpp.
#include "loadgen/unkind_group.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <span>

#include "loadgen/traffic.hpp"
#include "os/socket.hpp"

namespace c1m::loadgen {
namespace {

// Of those that are opened in a turn: some 20 us each, which delay what the load is to send.
constexpr int steps_max = 16;
// What a busy loop may be behind its pace, and catches up with.
constexpr os::Nanoseconds behind_max_ns = 100 * os::ns_per_ms;
// After so many the pace begins anew as well, long before their number has no room.
constexpr std::uint32_t paced_max = 1U << 30;
constexpr std::uint32_t hearing = EPOLLIN | EPOLLRDHUP;
// More than the longest opening handshake of ours.
constexpr std::size_t handshake_bytes_max = 16 * 1024;

}  // namespace

UnkindGroup::UnkindGroup(const UnkindTerms& terms, UnkindSpeech& speech, const Routes& routes,
                         const os::Clock& clock, os::Poller& poller)
    : terms_(terms),
      speech_(speech),
      routes_(routes),
      clock_(clock),
      poller_(poller),
      pace_(terms.connect_rate_per_s, clock.now_ns()),
      start_ns_(clock.now_ns()),
      clients_(terms.range.count),
      untried_(terms.range.count),
      next_byte_ns_(never_ns) {
  result_.asked = terms.range.count;
  find_next_byte();
}

UnkindGroup::~UnkindGroup() {
  for (const Client& client : clients_) {
    if (client.fd >= 0) ::close(client.fd);
  }
}

bool UnkindGroup::may_start() const {
  return attempts_.size() < Connector::in_progress_max;
}

os::Nanoseconds UnkindGroup::next_start_ns() const {
  if (!may_start()) return never_ns;
  const bool has_untried = started_ < clients_.size();
  if (!has_untried && retries_.empty()) return never_ns;
  const os::Nanoseconds pace_ns = pace_.due_ns(paced_);
  return has_untried ? pace_ns : std::max(pace_ns, retries_.top().first);
}

// Those that were never tried come first, so that each is.
std::uint32_t UnkindGroup::take_next() {
  if (started_ < clients_.size()) return started_++;
  const std::uint32_t index = retries_.top().second;
  retries_.pop();
  return index;
}

// A pace that nobody kept for long, because all stood, begins anew: it is not caught up with.
void UnkindGroup::keep_pace(os::Nanoseconds now_ns) {
  if (pace_.due_ns(paced_) < now_ns - behind_max_ns || paced_ == paced_max) {
    pace_ = ConnectPace(terms_.connect_rate_per_s, now_ns);
    paced_ = 0;
  }
  ++paced_;
}

os::Nanoseconds UnkindGroup::next_due_ns() const {
  const os::Nanoseconds byte_ns = standing_ > 0 ? next_byte_ns_ : never_ns;
  return std::min({next_start_ns(), byte_ns, attempts_.deadline_ns(terms_.timeout_ns)});
}

void UnkindGroup::advance(os::Nanoseconds now_ns) {
  while (const auto index = attempts_.overdue(now_ns - terms_.timeout_ns)) {
    const bool is_connected = clients_[*index].state == State::opening;
    fail(*index, (is_connected ? "handshake: " : "") + os::error_name(ETIMEDOUT));
  }
  for (int step = 0; step < steps_max && next_start_ns() <= now_ns; ++step) {
    keep_pace(now_ns);
    start(take_next());
  }
  send_due_bytes(now_ns);
}

void UnkindGroup::start(std::uint32_t index) {
  Client& client = clients_[index];
  client.begun_ns = clock_.now_ns();
  client.state = State::connecting;
  client.speech = {.number = terms_.range.first + index, .life = client.speech.life + 1};
  attempts_.begin(index, client.begun_ns);
  const std::uint32_t number = client.speech.number;
  auto socket = os::start_connect(routes_.target(number), routes_.source(number), {});
  if (!socket) {
    fail(index, os::error_name(socket.error().code));
    return;
  }
  client.fd = socket->release();
  auto added = poller_.add(client.fd, EPOLLOUT, terms_.tag + index);
  if (!added) fail(index, os::error_name(added.error().code));
}

void UnkindGroup::handle(std::uint32_t index, std::uint32_t events) {
  const Client& client = clients_[index];
  switch (client.state) {
    case State::absent:
      return;  // an event of the socket before, in the batch that told of its end
    case State::connecting:
      on_connected(index);
      return;
    case State::opening:
      on_opening(index);
      return;
    case State::standing:
      break;
  }
  if (is_slow()) {
    hear(index);
  } else if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) {
    const auto healthy = os::connect_result(client.fd);
    end(index, healthy ? closed_by_peer : os::error_name(healthy.error().code));
  }
}

void UnkindGroup::on_connected(std::uint32_t index) {
  const Client& client = clients_[index];
  if (auto connected = os::connect_result(client.fd); !connected) {
    fail(index, os::error_name(connected.error().code));
  } else if (!is_slow() && !speech_.is_open(client.speech)) {
    shake_hands(index);
  } else if (auto changed = poller_.modify(
                 client.fd, is_slow() ? hearing : std::uint32_t{EPOLLRDHUP}, terms_.tag + index);
             !changed) {
    fail(index, os::error_name(changed.error().code));
  } else {
    stand(index);
  }
}

void UnkindGroup::shake_hands(std::uint32_t index) {
  Client& client = clients_[index];
  std::vector<std::byte> request(handshake_bytes_max);
  request.resize(speech_.next(client.speech, request));
  const auto sent = os::write_some(client.fd, request);
  if (!sent) {
    fail(index, "handshake: " + os::error_name(sent.error().code));
    return;
  }
  client.speech.said += static_cast<std::uint32_t>(*sent);
  client.state = State::opening;
  if (auto changed = poller_.modify(client.fd, hearing, terms_.tag + index); !changed) {
    fail(index, os::error_name(changed.error().code));
  }
}

void UnkindGroup::on_opening(std::uint32_t index) {
  Client& client = clients_[index];
  const auto got = read(client);
  if (!got && os::would_block(got.error())) return;
  if (!got || *got == 0) {
    fail(index, "handshake: " + (got ? std::string("the server closed the connection")
                                     : os::error_name(got.error().code)));
    return;
  }
  const Heard heard = speech_.hear(client.speech, std::span(buffer_).first(*got));
  if (!heard.end.empty()) {
    fail(index, heard.end);
  } else if (speech_.is_open(client.speech)) {
    auto changed = poller_.modify(client.fd, EPOLLRDHUP, terms_.tag + index);
    changed ? stand(index) : fail(index, os::error_name(changed.error().code));
  }
}

void UnkindGroup::stand(std::uint32_t index) {
  Client& client = clients_[index];
  attempts_.end(index);
  client.state = State::standing;
  client.stood_ns = clock_.now_ns();
  count_standing(client.stood_ns);
  ++standing_;
  ++result_.opened;
  settle(index);
}

void UnkindGroup::hear(std::uint32_t index) {
  Client& client = clients_[index];
  const auto got = read(client);
  if (!got && os::would_block(got.error())) return;
  if (!got || *got == 0) {
    end(index, got ? closed_by_peer : os::error_name(got.error().code));
    return;
  }
  const Heard heard = speech_.hear(client.speech, std::span(buffer_).first(*got));
  result_.answered += heard.answered;
  result_.corrupt += heard.corrupt;
  if (!heard.end.empty()) end(index, heard.end);
}

os::Result<std::size_t> UnkindGroup::read(const Client& client) {
  return os::read_some(client.fd, buffer_);
}

void UnkindGroup::settle(std::uint32_t index) {
  if (!std::exchange(clients_[index].was_settled, true)) --untried_;
}

void UnkindGroup::fail(std::uint32_t index, const std::string& reason) {
  attempts_.end(index);
  ++result_.connects_failed;
  ++result_.connect_errors[reason];
  settle(index);
  leave(index);
}

void UnkindGroup::end(std::uint32_t index, const std::string& reason) {
  const os::Nanoseconds now_ns = clock_.now_ns();
  count_standing(now_ns);
  --standing_;
  ++result_.ended;
  ++result_.end_errors[reason];
  result_.ended_after_ns.record(now_ns - clients_[index].stood_ns);
  if (clients_[index].speech.is_corrupt) ++result_.corrupt;
  leave(index);
}

void UnkindGroup::leave(std::uint32_t index) {
  Client& client = clients_[index];
  if (client.fd >= 0) ::close(client.fd);  // also ends its registration with the poller
  client.fd = -1;
  client.state = State::absent;
  retries_.emplace(std::max(clock_.now_ns(), client.begun_ns + retry_pause_ns), index);
}

// By the client's share of a turn, so that their bytes are no burst and nothing adds up to a drift.
void UnkindGroup::find_next_byte() {
  if (!is_slow() || clients_.empty()) return;
  const std::uint64_t count = clients_.size();
  const auto share = static_cast<os::Nanoseconds>(static_cast<double>(terms_.byte_interval_ns) *
                                                  static_cast<double>(byte_turns_ % count) /
                                                  static_cast<double>(count));
  const auto turn = static_cast<os::Nanoseconds>(byte_turns_ / count);
  next_byte_ns_ = start_ns_ + turn * terms_.byte_interval_ns + share;
}

void UnkindGroup::send_due_bytes(os::Nanoseconds now_ns) {
  if (!is_slow() || next_byte_ns_ > now_ns) return;
  const auto missed =
      static_cast<std::uint64_t>((now_ns - next_byte_ns_) / terms_.byte_interval_ns);
  byte_turns_ += missed * clients_.size();
  find_next_byte();
  for (int burst = 0; burst < burst_max && next_byte_ns_ <= now_ns; ++burst) {
    send_byte(static_cast<std::uint32_t>(byte_turns_++ % clients_.size()));
    find_next_byte();
  }
}

void UnkindGroup::send_byte(std::uint32_t index) {
  Client& client = clients_[index];
  if (client.state != State::standing) return;
  std::array<std::byte, 1> byte{};
  if (speech_.next(client.speech, byte) == 0) return;
  const auto sent = os::write_some(client.fd, byte);
  if (!sent && os::would_block(sent.error())) return;
  if (!sent) {
    end(index, os::error_name(sent.error().code));
    return;
  }
  ++client.speech.said;
  ++result_.bytes_sent;
}

void UnkindGroup::count_standing(os::Nanoseconds now_ns) {
  const os::Nanoseconds from_ns = std::max(counted_ns_, window_.start_ns);
  const os::Nanoseconds to_ns = std::min(now_ns, window_.end_ns);
  if (to_ns > from_ns) standing_client_ns_ += static_cast<double>(to_ns - from_ns) * standing_;
  counted_ns_ = now_ns;
}

void UnkindGroup::observe(const measure::LoadWindow& window) {
  count_standing(clock_.now_ns());
  window_ = window;
}

measure::UnkindResult UnkindGroup::result() {
  count_standing(clock_.now_ns());
  measure::UnkindResult result = result_;
  result.standing_at_end = standing_;
  result.corrupt += static_cast<std::uint64_t>(std::ranges::count_if(clients_, [](const auto& of) {
    return of.state == State::standing && of.speech.is_corrupt;
  }));
  result.standing_client_s = standing_client_ns_ / static_cast<double>(os::ns_per_s);
  return result;
}

}  // namespace c1m::loadgen
