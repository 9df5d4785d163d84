// Comparing, storing and restoring words; see frame_template.hpp.
#include "runtime/frame_template.hpp"

#include <algorithm>
#include <cstring>

#include "os/assert.hpp"

namespace c1m::runtime {
namespace {

using Word = FrameTemplate::Word;

constexpr Word all_ones = ~Word{0};
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

// Two words: what every x86-64 and arm64 processor takes at a time.
using Pair [[gnu::vector_size(2 * sizeof(Word))]] = Word;

[[gnu::always_inline]] inline Pair load_pair(const void* words) {
  Pair pair;
  std::memcpy(&pair, words, sizeof pair);
  return pair;
}

// Calls work(first) for words first and first + 1, over all of them. The last pair goes back over a
// word that had its turn rather than beyond the end, where the next stack's guard may be.
template <class Work>
[[gnu::always_inline]] inline void in_pairs(std::size_t count, Work work) {
  std::size_t first = 0;
  for (; first + 2 <= count; first += 2) work(first);
  if (first < count) work(count - 2);
}

}  // namespace

FrameTemplate::FrameTemplate(const Frames& sample) : words_(sample.words()) {
  C1M_ASSERT(words_ >= words_min && words_ <= words_max, "a template is for frames of some words");
  const Word top = top_of(sample);
  const Word record = address(sample.record.data());
  for (std::size_t i = 0; i < words_; ++i) {
    const Word word = load(sample.live.data(), i);
    if (top - word <= sample.live.size() + left_below_bytes) {
      in_stack_[i] = all_ones;
    } else if (word - record < sample.record.size()) {
      in_record_.add(i);
      expected_[i] = word - record;
      continue;
    }
    compared_[i] = all_ones;
    expected_[i] = word - (top & in_stack_[i]);
  }
}

std::size_t FrameTemplate::image_bytes() const {
  return std::max<std::size_t>(varying_.size(), 1) * sizeof(Word);
}

bool FrameTemplate::matches(const Frames& frames) const {
  const std::byte* const live = frames.live.data();
  const Word top = top_of(frames);
  const Pair tops{top, top};
  Pair different{};
  in_pairs(words_, [&](std::size_t i) {
    const Pair words = load_pair(&expected_[i]) + (tops & load_pair(&in_stack_[i]));
    different |= (load_pair(live + i * sizeof(Word)) ^ words) & load_pair(&compared_[i]);
  });
  Word elsewhere = different[0] | different[1];
  const Word record = address(frames.record.data());
  for (const std::uint8_t i : in_record_) elsewhere |= load(live, i) ^ (expected_[i] + record);
  return elsewhere == 0;
}

std::size_t FrameTemplate::varying_with(const Frames& frames) const {
  FrameTemplate learned = *this;
  learned.learn(frames);
  return learned.varying_.size();
}

void FrameTemplate::learn(const Frames& frames) {
  const Word top = top_of(frames);
  const Word record = address(frames.record.data());
  for (std::size_t i = 0; i < words_; ++i) {
    const Word different = load(frames.live.data(), i) ^ expected(i, top);
    if ((different & compared_[i]) == 0) continue;
    compared_[i] = 0;
    varying_.add(i);
  }
  const Places of_record = in_record_;
  for (const std::uint8_t i : of_record) {
    if (load(frames.live.data(), i) == expected_[i] + record) continue;
    in_record_.remove(i);
    varying_.add(i);
  }
}

void FrameTemplate::encode(const Frames& frames, std::byte* image) const {
  std::size_t next = 0;
  for (const std::uint8_t i : varying_) store(image, next++, load(frames.live.data(), i));
}

void FrameTemplate::decode(const std::byte* image, const Frames& frames) const {
  std::byte* const live = frames.live.data();
  const Word top = top_of(frames);
  const Pair tops{top, top};
  in_pairs(words_, [&](std::size_t i) {
    const Pair words = load_pair(&expected_[i]) + (tops & load_pair(&in_stack_[i]));
    std::memcpy(live + i * sizeof(Word), &words, sizeof words);
  });
  point_into(frames.record, live);
  std::size_t next = 0;
  for (const std::uint8_t i : varying_) store(live, i, load(image, next++));
}

void FrameTemplate::exchange(const Frames& frames, std::span<const std::byte> record,
                             std::byte* image) const {
  std::byte* const live = frames.live.data();
  point_into(record, live);
  std::size_t next = 0;
  for (const std::uint8_t i : varying_) {
    const Word word = load(live, i);
    store(live, i, load(image, next));
    store(image, next++, word);
  }
}

void FrameTemplate::point_into(std::span<const std::byte> record, std::byte* live) const {
  for (const std::uint8_t i : in_record_) store(live, i, expected_[i] + address(record.data()));
}

}  // namespace c1m::runtime
