// Filling and sealing seconds; see load_timeline.hpp.
#include "loadgen/load_timeline.hpp"

#include <algorithm>
#include <limits>

#include "measure/histogram_codec.hpp"
#include "os/assert.hpp"

namespace c1m::loadgen {

void LoadTimeline::open(const measure::LoadWindow& window) {
  window_ = window;
}

void LoadTimeline::cut(os::Nanoseconds end_ns) {
  window_.end_ns = end_ns;
  while (rows_.size() > seconds_in_window()) {
    if (!rows_.back().latency_ns.empty()) --open_seconds_;
    rows_.pop_back();
  }
  sampled_ = std::min(sampled_, rows_.size());
  first_open_ = std::min(first_open_, rows_.size());
}

std::size_t LoadTimeline::seconds_in_window() const {
  const os::Nanoseconds length_ns = window_.end_ns - window_.start_ns;
  return static_cast<std::size_t>((length_ns + os::ns_per_s - 1) / os::ns_per_s);
}

LoadTimeline::Row& LoadTimeline::row(os::Nanoseconds intended_ns) {
  C1M_ASSERT(window_.contains(intended_ns), "the timeline shows the window only");
  const auto second = static_cast<std::size_t>((intended_ns - window_.start_ns) / os::ns_per_s);
  if (second >= rows_.size()) rows_.resize(second + 1);
  return rows_[second];
}

void LoadTimeline::on_answered(os::Nanoseconds intended_ns, os::Nanoseconds latency_ns) {
  Row& target = row(intended_ns);
  ++target.figures.answered;
  record(target, latency_ns);
}

void LoadTimeline::on_timed_out(os::Nanoseconds intended_ns, os::Nanoseconds waited_ns) {
  record(row(intended_ns), waited_ns);
}

void LoadTimeline::record(Row& row, os::Nanoseconds latency_ns) {
  if (row.latency_ns.empty()) {
    ++open_seconds_;
    const auto second = static_cast<std::size_t>(&row - rows_.data());
    first_open_ = std::min(first_open_, second);
    if (!row.figures.latency_hdr_v2_b64.empty()) {
      auto sealed = measure::decode_v2_base64(row.figures.latency_hdr_v2_b64);
      C1M_ASSERT(sealed.has_value(), "what was sealed here can be opened again");
      row.latency_ns = *std::move(sealed);
      row.figures.latency_hdr_v2_b64.clear();
    }
  }
  row.latency_ns.record(latency_ns);
}

os::Nanoseconds LoadTimeline::next_sample_ns() const {
  if (sampled_ >= seconds_in_window()) return std::numeric_limits<os::Nanoseconds>::max();
  const auto seconds = static_cast<os::Nanoseconds>(sampled_) + 1;
  return std::min(window_.start_ns + seconds * os::ns_per_s, window_.end_ns);
}

void LoadTimeline::sample(os::Nanoseconds now_ns, std::uint64_t in_flight,
                          std::uint64_t established) {
  while (next_sample_ns() <= now_ns) {
    if (sampled_ >= rows_.size()) rows_.resize(sampled_ + 1);
    rows_[sampled_].figures.in_flight = in_flight;
    rows_[sampled_].figures.established = established;
    ++sampled_;
  }
}

bool LoadTimeline::seal_one(os::Nanoseconds now_ns) {
  while (first_open_ < rows_.size()) {
    const auto seconds = static_cast<os::Nanoseconds>(first_open_) + 1;
    if (window_.start_ns + seconds * os::ns_per_s > now_ns) return false;
    Row& oldest = rows_[first_open_];
    ++first_open_;
    if (oldest.latency_ns.empty()) continue;
    seal(oldest);
    return true;
  }
  return false;
}

void LoadTimeline::seal(Row& row) {
  if (row.latency_ns.empty()) return;
  row.figures.latency_hdr_v2_b64 = measure::encode_v2_base64(row.latency_ns);
  row.latency_ns = measure::Histogram();
  --open_seconds_;
}

std::vector<measure::TimelineSecond> LoadTimeline::finish() {
  std::vector<measure::TimelineSecond> seconds;
  seconds.reserve(rows_.size());
  for (Row& row : rows_) {
    seal(row);
    if (row.figures.latency_hdr_v2_b64.empty()) {
      row.figures.latency_hdr_v2_b64 = measure::encode_v2_base64(measure::Histogram());
    }
    seconds.push_back(std::move(row.figures));
  }
  return seconds;
}

}  // namespace c1m::loadgen
