// Keeping, intersecting and expecting silences; see silence.hpp.
#include "measure/silence.hpp"

#include <algorithm>
#include <cmath>

namespace c1m::measure {

SilenceLog::SilenceLog(std::size_t targets, os::Nanoseconds floor_ns)
    : floor_ns_(floor_ns), last_ns_(targets), answers_(targets) {}

void SilenceLog::open(os::Nanoseconds begin_ns, os::Nanoseconds end_ns) {
  window_end_ns_ = end_ns;
  std::ranges::fill(last_ns_, begin_ns);
}

void SilenceLog::on_answer(std::size_t target, os::Nanoseconds now_ns) {
  os::Nanoseconds& last_ns = last_ns_[target];
  if (now_ns < last_ns || now_ns >= window_end_ns_) return;
  ++answers_[target];
  if (now_ns - last_ns >= floor_ns_) keep(target, {.begin_ns = last_ns, .end_ns = now_ns});
  last_ns = now_ns;
}

void SilenceLog::keep(std::size_t target, Silence silence) {
  entries_.push_back({.target = static_cast<std::uint32_t>(target), .silence = silence});
  if (entries_.size() > kept_max) raise_floor();
}

void SilenceLog::raise_floor() {
  std::vector<os::Nanoseconds> lengths;
  lengths.reserve(entries_.size());
  for (const Entry& entry : entries_) lengths.push_back(entry.silence.length_ns());
  const auto median = lengths.begin() + static_cast<std::ptrdiff_t>(lengths.size() / 2);
  std::ranges::nth_element(lengths, median);
  floor_ns_ = *median + 1;
  std::erase_if(entries_,
                [this](const Entry& entry) { return entry.silence.length_ns() < floor_ns_; });
}

ShardSilence SilenceLog::close(os::Nanoseconds end_ns) {
  for (std::size_t target = 0; window_end_ns_ > 0 && target < last_ns_.size(); ++target) {
    const Silence last{.begin_ns = last_ns_[target], .end_ns = end_ns};
    if (last.length_ns() >= floor_ns_) keep(target, last);
  }
  ShardSilence result{.floor_ns = floor_ns_,
                      .targets = std::vector<TargetSilence>(answers_.size())};
  for (std::size_t target = 0; target < answers_.size(); ++target) {
    result.targets[target].answers = answers_[target];
  }
  for (const Entry& entry : entries_) {
    Silence silence = entry.silence;
    silence.end_ns = std::min(silence.end_ns, end_ns);
    if (silence.length_ns() >= floor_ns_) result.targets[entry.target].silences.push_back(silence);
  }
  return result;
}

std::vector<Silence> intersection(const std::vector<Silence>& left,
                                  const std::vector<Silence>& right, os::Nanoseconds floor_ns) {
  std::vector<Silence> common;
  for (auto a = left.begin(), b = right.begin(); a != left.end() && b != right.end();) {
    const Silence both{.begin_ns = std::max(a->begin_ns, b->begin_ns),
                       .end_ns = std::min(a->end_ns, b->end_ns)};
    if (both.length_ns() >= floor_ns) common.push_back(both);
    (a->end_ns < b->end_ns ? a : b)++;
  }
  return common;
}

ServiceSilence merge(const std::vector<ShardSilence>& shards) {
  ServiceSilence service;
  for (const ShardSilence& shard : shards) {
    service.floor_ns = std::max(service.floor_ns, shard.floor_ns);
  }
  if (shards.empty()) return service;
  service.targets.resize(shards.front().targets.size());
  for (std::size_t target = 0; target < service.targets.size(); ++target) {
    StreamSilence& stream = service.targets[target];
    for (const ShardSilence& shard : shards) {
      const TargetSilence& seen = shard.targets[target];
      stream.answers += seen.answers;
      const bool is_first = &shard == &shards.front();
      stream.silences =
          is_first ? seen.silences : intersection(stream.silences, seen.silences, service.floor_ns);
    }
    std::erase_if(stream.silences, [&service](const Silence& silence) {
      return silence.length_ns() < service.floor_ns;
    });
    service.whole.answers += stream.answers;
    service.whole.silences =
        target == 0 ? stream.silences
                    : intersection(service.whole.silences, stream.silences, service.floor_ns);
  }
  return service;
}

std::optional<ExpectedSilence> expected_silence(std::uint64_t answers, os::Nanoseconds window_ns) {
  if (answers < 2) return std::nullopt;
  // -ln(-ln(0.99)): Gumbel's quantile of 99 %.
  constexpr double gumbel_99 = 4.600149;
  const auto n = static_cast<double>(answers);
  const double mean_ns = static_cast<double>(window_ns) / n;
  return ExpectedSilence{.longest_ns = std::log(n) * mean_ns,
                         .unexpected_ns = (std::log(n) + gumbel_99) * mean_ns};
}

}  // namespace c1m::measure
