// The right to end one wait of one coroutine: which coroutine, and which of its waits (its epoch).
// Invariant: a token of a wait that has ended wakes nobody. Threads: a value, copied freely.
#pragma once

#include <cstdint>

namespace c1m::runtime {

class WakeToken {
 public:
  WakeToken() = default;  // wakes nobody
  WakeToken(std::uint32_t coroutine_index, std::uint32_t epoch)
      : bits_(std::uint64_t{coroutine_index} << 32 | epoch) {}
  static WakeToken from_bits(std::uint64_t bits) {
    WakeToken token;
    token.bits_ = bits;
    return token;
  }

  [[nodiscard]] std::uint64_t bits() const { return bits_; }
  // At least 1 in every token but the empty one.
  [[nodiscard]] std::uint32_t coroutine_index() const {
    return static_cast<std::uint32_t>(bits_ >> 32);
  }
  [[nodiscard]] std::uint32_t epoch() const { return static_cast<std::uint32_t>(bits_); }
  explicit operator bool() const { return bits_ != 0; }

 private:
  std::uint64_t bits_ = 0;
};

}  // namespace c1m::runtime
