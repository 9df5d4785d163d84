// Reading a word that its owner may change at the same time, without an order and without a word
// to ThreadSanitizer: for looks at records from outside, whose owners write them plainly because
// the hot path is theirs. What is read may be of any moment; the caller looks at the wait's number
// before and after, and throws away what does not belong to one wait (runtime_dump.cpp).
// Threads: any.
#pragma once

#include <bit>
#include <cstdint>

namespace c1m::runtime {

// One aligned load, which the hardware does not tear. Not inlined: the attribute is the function's.
__attribute__((noinline, no_sanitize("address"), no_sanitize("thread"))) inline std::uint64_t
racy_word(const void* address) {
  return *static_cast<const volatile std::uint64_t*>(address);
}

template <class T>
[[nodiscard]] T racy_read(const T* from) {
  // bit_cast wants T to have 64 bits.
  return std::bit_cast<T>(racy_word(static_cast<const void*>(from)));
}

}  // namespace c1m::runtime
