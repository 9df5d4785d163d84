// Which connection carries a request: each equally likely, a few often and most seldom (Zipf), or
// only some of them. A part of the plan, so that the seed fixes it on any number of shards.
// Invariants: every number drawn is below the count of connections; the favoured ones are spread
// over all of them, so that no shard has them all. Threads: a value with one owner. Not here: when.
#pragma once

#include <cstdint>

#include "loadgen/xoshiro.hpp"

namespace c1m::loadgen {

enum class ChoiceKind : std::uint8_t {
  uniform,
  zipf,    // the k-th most frequent is chosen with a probability proportional to k^-exponent
  active,  // some of them, each equally likely; the others stay idle
};

struct ConnectionChoice {
  ChoiceKind kind = ChoiceKind::uniform;
  double exponent = 1;       // of zipf, > 0
  std::uint32_t active = 1;  // 1 to the count of connections

  friend bool operator==(const ConnectionChoice&, const ConnectionChoice&) = default;
};

// Ranks from 1 to `count` by Zipf's law, in O(1) time and memory: rejection-inversion (Hörmann and
// Derflinger, "Rejection-inversion to generate variates from monotone discrete distributions",
// 1996). At most 1.3 numbers are drawn a rank on average.
class ZipfRank {
 public:
  ZipfRank(std::uint32_t count, double exponent);
  std::uint32_t draw(Xoshiro256& random) const;

 private:
  [[nodiscard]] double weight(double rank) const;      // rank^-exponent
  [[nodiscard]] double area_until(double rank) const;  // its integral
  [[nodiscard]] double rank_at(double area) const;     // the inverse of that

  std::uint32_t count_;
  double exponent_;
  double area_first_;  // of the whole of the first rank
  double area_last_;
  double always_;  // a rank so close to the drawn point is taken without a look at its weight
};

class ConnectionDraw {
 public:
  ConnectionDraw(const ConnectionChoice& choice, std::uint32_t connections, std::uint64_t seed);
  std::uint32_t next(Xoshiro256& random) const;

 private:
  [[nodiscard]] std::uint32_t shuffled(std::uint32_t number) const;

  ConnectionChoice choice_;
  std::uint32_t connections_;
  ZipfRank rank_;
  std::uint64_t seed_;
  std::uint32_t half_bits_;  // of the numbers that are shuffled
};

}  // namespace c1m::loadgen
