// Random numbers that are the same on every machine for the same seed: xoshiro256++ and splitmix64.
// Threads: a value with one owner. Not here: std::<random>, whose distributions differ between
// libraries, so that a seed would not name a plan.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

namespace c1m::loadgen {

// The finalizer of splitmix64 (Steele, Lea, Flood 2014): a bijection that scatters its input.
constexpr std::uint64_t mix64(std::uint64_t value) {
  value += 0x9e3779b97f4a7c15U;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9U;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebU;
  return value ^ (value >> 31);
}

// xoshiro256++ 1.0 by Blackman and Vigna (public domain), seeded by splitmix64 as they advise.
class Xoshiro256 {
 public:
  explicit constexpr Xoshiro256(std::uint64_t seed) {
    for (auto& word : state_) {
      word = mix64(seed);
      seed += 0x9e3779b97f4a7c15U;
    }
  }

  // 64 bits, each equally likely.
  constexpr std::uint64_t next() {
    const std::uint64_t result = std::rotl(state_[0] + state_[3], 23) + state_[0];
    const std::uint64_t shifted = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = std::rotl(state_[3], 45);
    return result;
  }

  // Uniform in (0, 1]: never 0, so that its logarithm is finite.
  constexpr double next_unit() { return static_cast<double>((next() >> 11) + 1) * 0x1p-53; }

  // Uniform in [0, bound) by multiplication (Lemire 2019, without the rejection step: a value is
  // favoured by at most bound / 2^32). `bound` > 0.
  constexpr std::uint32_t next_below(std::uint32_t bound) {
    return static_cast<std::uint32_t>(((next() >> 32) * bound) >> 32);
  }

 private:
  std::array<std::uint64_t, 4> state_{};
};

}  // namespace c1m::loadgen
