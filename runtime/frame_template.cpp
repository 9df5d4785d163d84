// Comparing, storing and restoring words; see frame_template.hpp.
#include "runtime/frame_template.hpp"

#include <algorithm>
#include <cstring>

#include "os/assert.hpp"

namespace c1m::runtime {
namespace {

using Word = FrameTemplate::Word;

constexpr Word compared = ~Word{0};
// What lies a little below the frames was an address in frames that have returned.
constexpr std::size_t left_below_bytes = 1024;

// Through memcpy: the program has objects of all types there.
Word load(const std::byte* words, std::size_t place) {
  Word word = 0;
  std::memcpy(&word, words + place * sizeof word, sizeof word);
  return word;
}

void store(std::byte* words, std::size_t place, Word word) {
  std::memcpy(words + place * sizeof word, &word, sizeof word);
}

Word address(const std::byte* place) {
  return reinterpret_cast<Word>(place);
}

Word top_of(const Frames& frames) {
  return address(frames.live.data() + frames.live.size());
}

Word record_of(const Frames& frames) {
  return address(frames.record.data());
}

}  // namespace

FrameTemplate::FrameTemplate(const Frames& sample) : words_(sample.words()) {
  C1M_ASSERT(words_ >= 1 && words_ <= words_max, "a template is for frames of some words");
  const Word top = top_of(sample);
  const Word record = record_of(sample);
  for (std::size_t i = 0; i < words_; ++i) {
    const Word word = load(sample.live.data(), i);
    if (top - word <= sample.live.size() + left_below_bytes) {
      expected_[i] = word - top;
      in_stack_.add(i);
    } else if (word - record < sample.record.size()) {
      expected_[i] = word - record;
      in_record_.add(i);
    } else {
      expected_[i] = word;
      compared_[i] = compared;
    }
  }
}

std::size_t FrameTemplate::image_bytes() const {
  return std::max<std::size_t>(varying_.size(), 1) * sizeof(Word);
}

bool FrameTemplate::matches(const Frames& frames) const {
  // In blocks, of which the compiler makes vector instructions. The lowest frames, which tell where
  // the coroutine waits, come first.
  constexpr std::size_t block = 8;
  const std::byte* const live = frames.live.data();
  std::size_t i = 0;
  for (; i + block <= words_; i += block) {
    const std::byte* const words = live + i * sizeof(Word);
    const Word* const expected = expected_.data() + i;
    const Word* const mask = compared_.data() + i;
    Word different = 0;
    for (std::size_t k = 0; k < block; ++k) different |= (load(words, k) ^ expected[k]) & mask[k];
    if (different != 0) return false;
  }
  for (; i < words_; ++i) {
    if (((load(live, i) ^ expected_[i]) & compared_[i]) != 0) return false;
  }
  return matches_from(top_of(frames), in_stack_, frames) &&
         matches_from(record_of(frames), in_record_, frames);
}

bool FrameTemplate::matches_from(Word base, const Places& places, const Frames& frames) const {
  Word different = 0;
  for (const std::uint8_t i : places) {
    different |= load(frames.live.data(), i) ^ (expected_[i] + base);
  }
  return different == 0;
}

std::size_t FrameTemplate::varying_with(const Frames& frames) const {
  FrameTemplate learned = *this;
  learned.learn(frames);
  return learned.varying_.size();
}

void FrameTemplate::learn(const Frames& frames) {
  for (std::size_t i = 0; i < words_; ++i) {
    if (((load(frames.live.data(), i) ^ expected_[i]) & compared_[i]) == 0) continue;
    compared_[i] = 0;
    varying_.add(i);
  }
  in_stack_ = learn_from(top_of(frames), in_stack_, frames);
  in_record_ = learn_from(record_of(frames), in_record_, frames);
}

// Returns the places that are still as expected.
FrameTemplate::Places FrameTemplate::learn_from(Word base, const Places& places,
                                                const Frames& frames) {
  Places kept;
  for (const std::uint8_t i : places) {
    const bool as_expected = load(frames.live.data(), i) == expected_[i] + base;
    (as_expected ? kept : varying_).add(i);
  }
  return kept;
}

void FrameTemplate::encode(const Frames& frames, std::byte* image) const {
  std::size_t next = 0;
  for (const std::uint8_t i : varying_) store(image, next++, load(frames.live.data(), i));
}

void FrameTemplate::decode(const std::byte* image, const Frames& frames) const {
  std::byte* const live = frames.live.data();
  std::memcpy(live, expected_.data(), words_ * sizeof(Word));
  const Word top = top_of(frames);
  for (const std::uint8_t i : in_stack_) store(live, i, expected_[i] + top);
  const Word record = record_of(frames);
  for (const std::uint8_t i : in_record_) store(live, i, expected_[i] + record);
  std::size_t next = 0;
  for (const std::uint8_t i : varying_) store(live, i, load(image, next++));
}

}  // namespace c1m::runtime
