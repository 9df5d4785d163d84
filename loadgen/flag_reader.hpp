// Values of flags, checked against their ranges. Each text is kept as the user wrote it, so that
// the message can show it. Invariant: the first mistake is kept; what is returned after it is valid
// but must not be used. Threads: one owner. Not here: which flags there are (load_flags).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "os/clock.hpp"

namespace c1m::loadgen {

class FlagReader {
 public:
  // A sentence that begins with the flag; empty while there is none.
  [[nodiscard]] const std::string& mistake() const { return mistake_; }
  void report(const char* flag, const std::string& what);

  std::uint64_t whole(const char* flag, std::string_view text, std::uint64_t least,
                      std::uint64_t most);
  // From 0.001, or from 0 where that has a meaning, to 1e9.
  double real(const char* flag, std::string_view text, bool zero_allowed);
  // A number from `least` to `most` with its unit, "0.5B/s".
  double quantity(const char* flag, std::string_view text, std::string_view unit, double least,
                  double most);
  // A share of 1 from `least` to `most`, written in percent: "5%".
  double share(const char* flag, std::string_view text, double least, double most);
  // At most 7 days.
  os::Nanoseconds duration(const char* flag, std::string_view text, os::Nanoseconds least_ns);
  // From 1 byte to 64 MiB.
  std::uint32_t size(const char* flag, std::string_view text);
  // The position of `text` among `choices`.
  std::size_t choice(const char* flag, const std::string& text,
                     const std::vector<std::string>& choices);

 private:
  std::string mistake_;
};

}  // namespace c1m::loadgen
