// libFuzzer target: the UTF-8 validator agrees with a decoder that has nothing in common with it,
// whole and cut in two, and never takes back what it has refused. The first byte chooses the cut.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "os/assert.hpp"
#include "protocol/utf8.hpp"
#include "protocol/utf8_samples.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace c1m::protocol;
  if (size == 0) return 0;
  const auto text = std::as_bytes(std::span(data + 1, size - 1));
  const bool expected = samples::decodes_as_utf8(text);
  C1M_ASSERT(is_utf8(text) == expected, "the validator agrees with the decoder");
  const std::size_t cut = std::min<std::size_t>(data[0], text.size());
  Utf8Validator validator;
  const bool is_good = validator.accept(text.first(cut)) && validator.accept(text.subspan(cut));
  C1M_ASSERT((is_good && validator.is_complete()) == expected, "cut in two it says the same");
  return 0;
}
