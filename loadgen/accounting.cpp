// Counting; see accounting.hpp.
#include "loadgen/accounting.hpp"

#include <algorithm>
#include <utility>

#include "os/assert.hpp"

namespace c1m::loadgen {

void InFlightArea::enter(os::Nanoseconds since_ns, os::Nanoseconds now_ns) {
  advance(now_ns);
  area_request_ns_ += static_cast<double>(now_ns - since_ns);
  ++count_;
}

void InFlightArea::leave(os::Nanoseconds now_ns) {
  advance(now_ns);
  --count_;
}

double InFlightArea::request_s() const {
  return area_request_ns_ / static_cast<double>(os::ns_per_s);
}

void InFlightArea::advance(os::Nanoseconds now_ns) {
  area_request_ns_ += static_cast<double>(count_) * static_cast<double>(now_ns - last_ns_);
  last_ns_ = now_ns;
}

void Accounting::open_window(const measure::LoadWindow& window) {
  C1M_ASSERT(in_flight_ == 0 && counts_.planned == 0 && warmup_counts_.planned == 0,
             "the window is known before the first request");
  window_ = window;
  timeline_.open(window);
}

void Accounting::cut_window(os::Nanoseconds end_ns) {
  // A request that is planned already keeps its place in the window.
  const os::Nanoseconds earliest_ns = std::max(window_.start_ns, last_intended_ns_ + 1);
  window_.end_ns = std::min(window_.end_ns, std::max(end_ns, earliest_ns));
  timeline_.cut(window_.end_ns);
}

void Accounting::on_planned(os::Nanoseconds intended_ns, os::Nanoseconds now_ns) {
  ++counts_of(intended_ns).planned;
  last_intended_ns_ = intended_ns;
  if (in_window(intended_ns)) area_.enter(intended_ns, now_ns);
}

void Accounting::on_unsent(os::Nanoseconds intended_ns, os::Nanoseconds now_ns) {
  ++counts_of(intended_ns).unsent;
  if (in_window(intended_ns)) area_.leave(now_ns);
}

void Accounting::on_sent(const Request& request, os::Nanoseconds sendable_ns) {
  ++counts_of(request.intended_ns).sent;
  ++in_flight_;
  const os::Nanoseconds lag_ns = request.sent_ns - sendable_ns;
  if (live_send_lag_ != nullptr && kind_ == LoopKind::open) live_send_lag_->record(lag_ns);
  if (!in_window(request.intended_ns)) return;
  if (request.sent_ns < window_.end_ns) ++sent_in_window_;
  if (kind_ == LoopKind::open) send_lag_ns_.record(lag_ns);
  timeline_.on_sent(request.intended_ns);
}

void Accounting::on_answered(const Request& request, os::Nanoseconds now_ns, bool corrupt) {
  measure::RequestCounts& counts = counts_of(request.intended_ns);
  const os::Nanoseconds response_ns = now_ns - request.intended_ns;
  ++counts.answered;
  --in_flight_;
  if (corrupt) ++counts.corrupt;
  if (response_ns > timeout_ns_) ++counts.late;
  if (window_.contains(now_ns)) ++answers_in_window_;
  const os::Nanoseconds service_ns = now_ns - request.sent_ns;
  const os::Nanoseconds latency_ns = kind_ == LoopKind::open ? response_ns : service_ns;
  if (live_latency_ != nullptr) live_latency_->record(latency_ns);
  if (!in_window(request.intended_ns)) return;
  area_.leave(now_ns);
  queued_ns_ += request.sent_ns - request.intended_ns;
  service_ns_.record(service_ns);
  if (kind_ == LoopKind::open) response_ns_.record(response_ns);
  timeline_.on_answered(request.intended_ns, latency_ns);
}

void Accounting::on_kernel_delay(const Request& request, os::Nanoseconds now_ns,
                                 os::Nanoseconds delay_ns) {
  if (!in_window(request.intended_ns)) return;
  const os::Nanoseconds service_ns = now_ns - request.sent_ns;
  // The stamp is of another clock, which may be set in between; no part is longer than the whole.
  const os::Nanoseconds own_ns = std::clamp<os::Nanoseconds>(delay_ns, 0, service_ns);
  receive_delay_ns_.record(own_ns);
  network_ns_.record(service_ns - own_ns);
}

void Accounting::on_lost(const Request& request, os::Nanoseconds now_ns) {
  ++counts_of(request.intended_ns).lost;
  --in_flight_;
  if (in_window(request.intended_ns)) area_.leave(now_ns);
}

void Accounting::on_in_flight_at_end(const Request& request, os::Nanoseconds now_ns) {
  measure::RequestCounts& counts = counts_of(request.intended_ns);
  ++counts.in_flight_at_end;
  const os::Nanoseconds response_ns = now_ns - request.intended_ns;
  const bool is_timed_out = response_ns >= timeout_ns_;
  if (is_timed_out) ++counts.timed_out;
  if (!in_window(request.intended_ns)) return;
  area_.leave(now_ns);
  if (!is_timed_out) return;
  const os::Nanoseconds service_ns = now_ns - request.sent_ns;
  service_ns_.record(service_ns);
  if (kind_ == LoopKind::open) response_ns_.record(response_ns);
  timeline_.on_timed_out(request.intended_ns, kind_ == LoopKind::open ? response_ns : service_ns);
}

std::uint64_t Accounting::errors_total() const {
  const auto errors_of = [](const measure::RequestCounts& counts) {
    return counts.unsent + counts.lost + counts.corrupt + counts.late;
  };
  return errors_of(counts_) + errors_of(warmup_counts_);
}

void Accounting::write_to(measure::LoadShardResult& result) {
  result.counts = counts_;
  result.warmup_counts = warmup_counts_;
  result.unexpected_bytes = unexpected_bytes_;
  result.sent_in_window = sent_in_window_;
  result.answers_in_window = answers_in_window_;
  result.in_flight_request_s = area_.request_s();
  result.queued_request_s = static_cast<double>(queued_ns_) / static_cast<double>(os::ns_per_s);
  result.response_ns = std::move(response_ns_);
  result.service_ns = std::move(service_ns_);
  result.send_lag_ns = std::move(send_lag_ns_);
  result.network_ns = std::move(network_ns_);
  result.receive_delay_ns = std::move(receive_delay_ns_);
  result.timeline = timeline_.finish();
}

}  // namespace c1m::loadgen
