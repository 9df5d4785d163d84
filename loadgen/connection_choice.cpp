// Drawing ranks and spreading them; see connection_choice.hpp.
#include "loadgen/connection_choice.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

#include "os/assert.hpp"

namespace c1m::loadgen {
namespace {

constexpr int shuffle_rounds = 4;

}  // namespace

// Each rank k >= 2 stands for the points from k - 1/2 to k + 1/2 under the curve of the weight,
// which is convex, so that the area there is at least the weight; what is too much is rejected. The
// first rank gets exactly its weight, so that it is never rejected.
ZipfRank::ZipfRank(std::uint32_t count, double exponent)
    : count_(count),
      exponent_(exponent),
      area_first_(area_until(1.5) - 1),
      area_last_(area_until(static_cast<double>(count) + 0.5)),
      always_(2 - rank_at(area_until(2.5) - weight(2))) {
  C1M_ASSERT(count > 0, "there is a rank");
  C1M_ASSERT(exponent > 0, "the first rank is the most frequent");
}

std::uint32_t ZipfRank::draw(Xoshiro256& random) const {
  while (true) {
    const double area = area_last_ + random.next_unit() * (area_first_ - area_last_);
    const double point = rank_at(area);
    const double rank = std::clamp(std::round(point), 1.0, static_cast<double>(count_));
    if (rank - point <= always_ || area >= area_until(rank + 0.5) - weight(rank)) {
      return static_cast<std::uint32_t>(rank);
    }
  }
}

double ZipfRank::weight(double rank) const {
  return std::pow(rank, -exponent_);
}

// The integral from 1, by expm1 and log1p: exact also where the exponent is close to 1.
double ZipfRank::area_until(double rank) const {
  const double power = 1 - exponent_;
  const double log_rank = std::log(rank);
  return std::abs(power) < 1e-12 ? log_rank : std::expm1(power * log_rank) / power;
}

double ZipfRank::rank_at(double area) const {
  const double power = 1 - exponent_;
  if (std::abs(power) < 1e-12) return std::exp(area);
  // Rounding may bring the argument below what the integral reaches.
  return std::exp(std::log1p(std::max(power * area, -1.0)) / power);
}

ConnectionDraw::ConnectionDraw(const ConnectionChoice& choice, std::uint32_t connections,
                               std::uint64_t seed)
    : choice_(choice),
      connections_(connections),
      rank_(connections, choice.exponent),
      seed_(seed),
      half_bits_((static_cast<std::uint32_t>(std::bit_width(connections - 1)) + 1) / 2) {
  C1M_ASSERT(
      choice.kind != ChoiceKind::active || (choice.active > 0 && choice.active <= connections),
      "as many as there are can be active");
}

std::uint32_t ConnectionDraw::next(Xoshiro256& random) const {
  switch (choice_.kind) {
    case ChoiceKind::uniform:
      break;
    case ChoiceKind::zipf:
      return shuffled(rank_.draw(random) - 1);
    case ChoiceKind::active:
      // Evenly over all, so over all shards.
      return static_cast<std::uint32_t>(std::uint64_t{random.next_below(choice_.active)} *
                                        connections_ / choice_.active);
  }
  return random.next_below(connections_);
}

// A permutation of the numbers below connections_ that the seed fixes: a Feistel network over the
// next even power of two, walked on until it falls within (Black and Rogaway, "Ciphers with
// arbitrary finite domains", 2002).
std::uint32_t ConnectionDraw::shuffled(std::uint32_t number) const {
  const std::uint32_t mask = (1U << half_bits_) - 1;
  do {
    std::uint32_t left = number >> half_bits_;
    std::uint32_t right = number & mask;
    for (int round = 0; round < shuffle_rounds; ++round) {
      const std::uint64_t key = mix64(seed_ + static_cast<std::uint64_t>(round));
      const auto mixed = static_cast<std::uint32_t>(mix64(key ^ right));
      const std::uint32_t next_right = left ^ (mixed & mask);
      left = right;
      right = next_right;
    }
    number = left << half_bits_ | right;
  } while (number >= connections_);
  return number;
}

}  // namespace c1m::loadgen
