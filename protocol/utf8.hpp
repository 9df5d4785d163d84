// Whether bytes are UTF-8, decided as they arrive: RFC 3629, so no overlong forms, no surrogates,
// nothing above U+10FFFF. Invariant: a byte that no valid text could have at its place is refused
// when it comes, not at the end of the message. Threads: values. Not here: code points.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace c1m::protocol {

class Utf8Validator {
 public:
  // False when the text so far with `bytes` behind it begins no valid text; not to be asked again
  // after that.
  [[nodiscard]] bool accept(std::span<const std::byte> bytes);

  // Whether the text may end here, which is not inside of a character.
  [[nodiscard]] bool is_complete() const { return pending_ == 0; }

 private:
  bool begin_character(std::uint8_t lead);

  std::uint8_t pending_ = 0;  // continuation bytes that the character still needs
  std::uint8_t low_ = 0x80;   // what the next of them may be: more than the lead byte decides
  std::uint8_t high_ = 0xbf;  // whether a form is overlong, a surrogate or too large
};

// Whether all of `bytes` is one whole text.
[[nodiscard]] inline bool is_utf8(std::span<const std::byte> bytes) {
  Utf8Validator validator;
  return validator.accept(bytes) && validator.is_complete();
}

}  // namespace c1m::protocol
