// One timer for all waits; see shard_wait.hpp.
#include "loadgen/shard_wait.hpp"

#include <algorithm>
#include <utility>

namespace c1m::loadgen {
namespace {

// A wait is no longer, so that the supervisor sees a sign of life.
constexpr os::Nanoseconds wait_max_ns = os::ns_per_s;

}  // namespace

os::Result<ShardWait> ShardWait::create(os::Poller& poller, measure::LoopMeter& meter,
                                        SendPrecision precision) {
  auto timer = os::DeadlineTimer::create();
  if (!timer) return std::unexpected(timer.error());
  auto added = poller.add(timer->descriptor(), EPOLLIN | EPOLLET, timer_tag);
  if (!added) return std::unexpected(added.error());
  return ShardWait(poller, meter, precision, std::move(*timer));
}

ShardWait::ShardWait(os::Poller& poller, measure::LoopMeter& meter, SendPrecision precision,
                     os::DeadlineTimer timer)
    : poller_(poller), meter_(meter), precision_(precision), timer_(std::move(timer)) {}

std::span<const epoll_event> ShardWait::until(os::Nanoseconds due_ns, os::Nanoseconds now_ns) {
  os::Nanoseconds timeout_ns = 0;
  if (due_ns - precision_.spin_ns > now_ns) {
    const os::Nanoseconds left_ns = due_ns - precision_.spin_ns - now_ns;
    timeout_ns = meter_.bounded(std::min(left_ns, wait_max_ns) + precision_.slack_ns);
    timer_.set(now_ns + timeout_ns, now_ns);
  }
  meter_.wait_begins();
  const auto ready = poller_.wait(events_, timeout_ns > 0 ? -1 : 0);
  meter_.wait_ends();
  return std::span(events_).first(static_cast<std::size_t>(ready.value_or(0)));
}

}  // namespace c1m::loadgen
