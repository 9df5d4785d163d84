// libFuzzer target: frames that match a template come back from it byte for byte, whatever frames
// it has learned from; and after it has learned from some, these match.
#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "os/assert.hpp"
#include "runtime/frame_template.hpp"

namespace c1m::runtime {
namespace {

using Word = FrameTemplate::Word;

// Frames from the input, one byte a word: an address in the stack or the record, or one of a few
// values, so that words of several samples are often the same.
class Sampler {
 public:
  explicit Sampler(std::span<const std::uint8_t> input)
      : input_(input),
        stack_(FrameTemplate::words_min +
               next() % (FrameTemplate::words_max - FrameTemplate::words_min + 1)),
        record_(8) {}

  [[nodiscard]] bool has_more() const { return !input_.empty(); }

  Frames take() {
    for (Word& word : stack_) {
      const std::uint8_t byte = next();
      const Word distance = byte & 0x3fU;
      const bool in_stack = byte >> 6U == 0;
      const bool in_record = byte >> 6U == 1;
      const auto top = reinterpret_cast<Word>(stack_.data() + stack_.size());
      const auto record = reinterpret_cast<Word>(record_.data());
      word = in_stack ? top - distance : in_record ? record + distance : distance << 32U;
    }
    return {.live = std::as_writable_bytes(std::span(stack_)),
            .record = std::as_bytes(std::span(record_))};
  }

 private:
  std::uint8_t next() {
    if (input_.empty()) return 0;
    const std::uint8_t byte = input_.front();
    input_ = input_.subspan(1);
    return byte;
  }

  std::span<const std::uint8_t> input_;
  std::vector<Word> stack_;
  std::vector<Word> record_;
};

void check_coming_back(const FrameTemplate& made, const Frames& frames) {
  const std::vector<std::byte> before(frames.live.begin(), frames.live.end());
  std::vector<std::byte> image(made.image_bytes());
  made.encode(frames, image.data());
  std::ranges::fill(frames.live, std::byte{0x5a});
  made.decode(image.data(), frames);
  C1M_ASSERT(std::ranges::equal(before, frames.live), "the frames come back");
}

}  // namespace
}  // namespace c1m::runtime

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace c1m::runtime;
  Sampler sampler({data, size});
  FrameTemplate made(sampler.take());
  while (sampler.has_more()) {
    const Frames frames = sampler.take();
    if (made.matches(frames)) check_coming_back(made, frames);
    made.learn(frames);
    C1M_ASSERT(made.matches(frames), "what was learned matches");
    check_coming_back(made, frames);
  }
  return 0;
}
