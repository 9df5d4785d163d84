// Counts and times every request: what the result document says about traffic is counted here.
//
// A request is planned once; then it is either unsent, or sent and at most once answered or lost.
// It belongs to the window or to the warm-up by its intended time, whenever its answer comes.
// Times are arguments, so that tests run it in virtual time; they never decrease from call to call.
// Threads: one owner. Not here: sockets, clocks, the plan.
#pragma once

#include <cstdint>

#include "loadgen/load_timeline.hpp"
#include "loadgen/request_pool.hpp"
#include "measure/histogram.hpp"
#include "measure/live_histogram.hpp"
#include "measure/load_document.hpp"
#include "measure/load_result.hpp"
#include "os/clock.hpp"

namespace c1m::loadgen {

// The area under the number of requests in flight, over time. Little's law then is a check on the
// whole accounting: this area is summed from a counter and the passing of time, the mean response
// from a histogram of single requests, and the two must agree.
class InFlightArea {
 public:
  // A request that has been in the system since `since_ns` <= `now_ns`.
  void enter(os::Nanoseconds since_ns, os::Nanoseconds now_ns);
  void leave(os::Nanoseconds now_ns);
  [[nodiscard]] double request_s() const;

 private:
  void advance(os::Nanoseconds now_ns);

  std::int64_t count_ = 0;
  os::Nanoseconds last_ns_ = 0;
  double area_request_ns_ = 0;
};

// What a request's latency means: with a plan it counts from the intended time.
enum class LoopKind : std::uint8_t { open, closed };

class Accounting {
 public:
  Accounting(LoopKind kind, os::Nanoseconds timeout_ns) : kind_(kind), timeout_ns_(timeout_ns) {}

  // What a supervisor may look at while the run goes on; both outlive this.
  void show_in(measure::LiveHistogram& latency, measure::LiveHistogram& send_lag) {
    live_latency_ = &latency;
    live_send_lag_ = &send_lag;
  }

  // Must be called before the first request.
  void open_window(const measure::LoadWindow& window);
  // Ends the window early, but not before a request that is planned already.
  void cut_window(os::Nanoseconds end_ns);
  [[nodiscard]] const measure::LoadWindow& window() const { return window_; }

  // A request enters; `now_ns` is when the generator came to it.
  void on_planned(os::Nanoseconds intended_ns, os::Nanoseconds now_ns);
  // It left its queue, or never got into one, without being sent.
  void on_unsent(os::Nanoseconds intended_ns, os::Nanoseconds now_ns);
  // Its first byte goes to the kernel at request.sent_ns. The generator could have sent it since
  // `sendable_ns`: the intended time, or when an answer made room in a full pipeline.
  void on_sent(const Request& request, os::Nanoseconds sendable_ns);
  void on_answered(const Request& request, os::Nanoseconds now_ns, bool corrupt);
  // The kernel had received the answer `delay_ns` before `now_ns`, when it was read; called just
  // before on_answered().
  void on_kernel_delay(const Request& request, os::Nanoseconds now_ns, os::Nanoseconds delay_ns);
  void on_lost(const Request& request, os::Nanoseconds now_ns);
  // The drain is over and the request is still out. The caller counts these from its own queues, so
  // that `sent = answered + lost + in flight` is a check and no tautology. One that has waited for
  // the timeout is recorded at the time that it has waited: leaving it out would drop just the
  // longest latencies.
  void on_in_flight_at_end(const Request& request, os::Nanoseconds now_ns);
  // Bytes that no request asked for.
  void on_unexpected_bytes(std::uint64_t count) { unexpected_bytes_ += count; }

  // Requests of any phase that were sent and not yet settled.
  [[nodiscard]] std::uint64_t in_flight() const { return in_flight_; }
  [[nodiscard]] std::uint64_t sent_total() const { return counts_.sent + warmup_counts_.sent; }
  [[nodiscard]] std::uint64_t answered_total() const {
    return counts_.answered + warmup_counts_.answered;
  }
  // Unsent, lost, corrupt or late so far, of any phase.
  [[nodiscard]] std::uint64_t errors_total() const;
  LoadTimeline& timeline() { return timeline_; }

  // Fills in everything that was counted; call it once, at the end.
  void write_to(measure::LoadShardResult& result);

 private:
  [[nodiscard]] bool in_window(os::Nanoseconds intended_ns) const {
    return window_.contains(intended_ns);
  }
  measure::RequestCounts& counts_of(os::Nanoseconds intended_ns) {
    return in_window(intended_ns) ? counts_ : warmup_counts_;
  }

  LoopKind kind_;
  os::Nanoseconds timeout_ns_;
  measure::LoadWindow window_;
  os::Nanoseconds last_intended_ns_ = 0;
  measure::RequestCounts counts_;
  measure::RequestCounts warmup_counts_;
  std::uint64_t unexpected_bytes_ = 0;
  std::uint64_t in_flight_ = 0;
  std::uint64_t sent_in_window_ = 0;
  std::uint64_t answers_in_window_ = 0;
  os::Nanoseconds queued_ns_ = 0;  // before their sending, of the answered ones
  InFlightArea area_;
  measure::Histogram response_ns_;
  measure::Histogram service_ns_;
  measure::Histogram send_lag_ns_;
  measure::Histogram network_ns_;
  measure::Histogram receive_delay_ns_;
  LoadTimeline timeline_;
  measure::LiveHistogram* live_latency_ = nullptr;
  measure::LiveHistogram* live_send_lag_ = nullptr;
};

}  // namespace c1m::loadgen
