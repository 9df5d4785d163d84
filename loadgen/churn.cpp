// Ending and opening connections; see churn.hpp.
#include "loadgen/churn.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "loadgen/traffic.hpp"
#include "os/assert.hpp"

namespace c1m::loadgen {
namespace {

// Of those that are closed and opened in a turn: some 20 us each, which delay what is to be sent.
constexpr int steps_max = 16;

}  // namespace

Churn::Churn(EchoExchange& exchange, const LifePlan& plan, ConnectionRange range,
             ConnectAttempts& attempts, const os::Clock& clock, os::Nanoseconds timeout_ns,
             os::Nanoseconds start_ns, os::Nanoseconds end_ns)
    : exchange_(exchange),
      plan_(plan),
      range_(range),
      attempts_(attempts),
      clock_(clock),
      timeout_ns_(timeout_ns),
      end_ns_(end_ns) {
  std::vector<End> ends(range.count);
  for (std::uint32_t index = 0; index < range.count; ++index) {
    ends[index] = {.due_ns = start_ns + plan.length_ns(range.first + index, 0), .index = index};
  }
  ends_ = decltype(ends_)(std::greater<>{}, std::move(ends));
  exchange_.renew_for(this);
}

Churn::~Churn() {
  exchange_.renew_for(nullptr);
  for (const auto& [index, since_ns] : away_) {
    const ConnectionState state = exchange_.connection(index).state;
    if (state == ConnectionState::closing) exchange_.cut_short(index, "the run is over");
    if (state == ConnectionState::connecting || state == ConnectionState::parted) {
      exchange_.abandon(index);
    }
  }
}

os::Nanoseconds Churn::next_due_ns() const {
  if (!parted_.empty()) return 0;
  const os::Nanoseconds due_ns = has_due_before(end_ns_) ? ends_.top().due_ns : never_ns;
  return std::min({due_ns, closing_.deadline_ns(timeout_ns_), attempts_.next_expiry_ns()});
}

void Churn::advance(os::Nanoseconds now_ns) {
  while (const auto index = attempts_.expire_one(now_ns)) {
    follow(*index, ConnectAttempts::Progress::failed);
  }
  while (const auto index = closing_.overdue(now_ns - timeout_ns_)) {
    exchange_.cut_short(*index, os::error_name(ETIMEDOUT));
  }
  const os::Nanoseconds until_ns = std::min(now_ns + 1, end_ns_);
  for (int step = 0; step < steps_max && has_due_before(until_ns); ++step) end_next();
  open_parted();
}

void Churn::end_next() {
  const End end = ends_.top();
  ends_.pop();
  const os::Nanoseconds length_ns = plan_.length_ns(range_.first + end.index, end.life + 1);
  ends_.push({.due_ns = end.due_ns + length_ns, .index = end.index, .life = end.life + 1});
  ++result_.ends_planned;
  const Connection& connection = exchange_.connection(end.index);
  if (connection.state != ConnectionState::established || connection.is_retiring) {
    ++result_.ends_skipped;
    return;
  }
  away_.emplace(end.index, end.due_ns);
  const bool by_reset = plan_.ends_by_reset(range_.first + end.index, end.life);
  exchange_.retire(end.index, by_reset ? LifeEnd::by_reset : LifeEnd::in_order);
}

void Churn::on_closing(std::uint32_t index) {
  closing_.begin(index, clock_.now_ns());
}

void Churn::on_parted(std::uint32_t index, const std::string& reason) {
  const auto since_ns = closing_.end(index);
  if (since_ns && reason == closed_by_peer) {
    ++result_.closed;
    result_.close_ns.record(clock_.now_ns() - *since_ns);
  } else if (reason == reset_as_planned) {
    ++result_.resets;
  } else {
    ++result_.closes_failed;
    ++result_.close_errors[reason];
  }
  parted_.push_back(index);
}

// Those that fail at once are no longer parted, and those that part meanwhile come after them.
void Churn::open_parted() {
  const auto count = std::min<std::size_t>(parted_.size(), steps_max);
  for (std::size_t at = 0; at < count; ++at) follow(parted_[at], attempts_.start(parted_[at]));
  parted_.erase(parted_.begin(), parted_.begin() + static_cast<std::ptrdiff_t>(count));
}

void Churn::handle(std::uint32_t index) {
  follow(index, attempts_.handle(index));
}

void Churn::follow(std::uint32_t index, ConnectAttempts::Progress progress) {
  if (progress == ConnectAttempts::Progress::pending) return;
  const auto found = away_.find(index);
  C1M_ASSERT(found != away_.end(), "only what has ended is opened anew");
  const os::Nanoseconds planned_ns = found->second;
  away_.erase(found);
  if (progress == ConnectAttempts::Progress::failed) {
    ++result_.reopens_failed;
    return;
  }
  ++result_.reopened;
  result_.away_ns.record(clock_.now_ns() - planned_ns);
  exchange_.resume(index);
}

void Churn::end_at(os::Nanoseconds end_ns) {
  end_ns_ = std::min(end_ns_, end_ns);
}

measure::ChurnResult Churn::result() const {
  measure::ChurnResult result = result_;
  result.connect_ns = attempts_.result().latency_ns;
  result.connect_errors = attempts_.result().errors;
  result.unopened = attempts_.in_progress() + parted_.size();
  result.unclosed = away_.size() - result.unopened;
  return result;
}

}  // namespace c1m::loadgen
