// One timer for all waits; see shard_wait.hpp.
#include "loadgen/shard_wait.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>

namespace c1m::loadgen {
namespace {

constexpr std::uint64_t timer_tag = UINT64_MAX - 1;
// A wait is no longer, so that the supervisor sees a sign of life.
constexpr os::Nanoseconds wait_max_ns = os::ns_per_s;

}  // namespace

os::Result<ShardWait> ShardWait::create(const os::Clock& clock, os::Poller& poller,
                                        measure::LoopMeter& meter, SendPrecision precision) {
  auto timer = os::DeadlineTimer::create();
  if (!timer) return std::unexpected(timer.error());
  auto added = poller.add(timer->descriptor(), EPOLLIN | EPOLLET, timer_tag);
  if (!added) return std::unexpected(added.error());
  return ShardWait(clock, poller, meter, precision, std::move(*timer));
}

ShardWait::ShardWait(const os::Clock& clock, os::Poller& poller, measure::LoopMeter& meter,
                     SendPrecision precision, os::DeadlineTimer timer)
    : clock_(clock),
      poller_(poller),
      meter_(meter),
      precision_(precision),
      timer_(std::move(timer)) {}

os::Nanoseconds wait_length_ns(const SendPrecision& precision, os::Nanoseconds request_due_ns,
                               os::Nanoseconds other_due_ns, os::Nanoseconds now_ns) {
  const os::Nanoseconds awake_ns = now_ns + precision.spin_ns;
  if (std::min(request_due_ns, other_due_ns) <= awake_ns) return 0;
  const os::Nanoseconds until_request_ns =
      std::min(request_due_ns - awake_ns, wait_max_ns) + precision.slack_ns;
  return std::min({until_request_ns, other_due_ns - awake_ns, wait_max_ns});
}

std::span<const epoll_event> ShardWait::until(os::Nanoseconds request_due_ns,
                                              os::Nanoseconds other_due_ns) {
  const os::Nanoseconds now_ns = clock_.now_ns();
  os::Nanoseconds timeout_ns = wait_length_ns(precision_, request_due_ns, other_due_ns, now_ns);
  if (meter_.is_on()) {
    // It has to know when the wait is to end; a timer that was left as it was may end it before.
    timeout_ns = meter_.bounded(timeout_ns);
  } else if (timeout_ns > 0) {
    timer_.set(now_ns + timeout_ns, now_ns);
    timeout_ns = -1;
  }
  meter_.wait_begins();
  const auto ready = poller_.wait(events_, timeout_ns);
  meter_.wait_ends();
  const auto events = std::span(events_).first(static_cast<std::size_t>(ready.value_or(0)));
  const auto own = std::ranges::remove_if(
      events, [](const epoll_event& event) { return event.data.u64 == timer_tag; });
  return events.first(events.size() - own.size());
}

}  // namespace c1m::loadgen
