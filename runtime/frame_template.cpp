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

// Calls work(first) for words first and first + 1, over all of them. The last pair goes back over a
// word that had its turn rather than beyond the end, where the next stack's guard may be.
template <class Work>
[[gnu::always_inline]] inline void in_pairs(std::size_t count, Work work) {
  std::size_t first = 0;
  for (; first + 2 <= count; first += 2) work(first);
  if (first < count) work(count - 2);
}

}  // namespace

FrameTemplate::Bases FrameTemplate::bases_of(const Frames& frames) {
  return {.top = address(frames.live.data() + frames.live.size()),
          .record = address(frames.record.data())};
}

FrameTemplate::FrameTemplate(const Frames& sample) : words_(sample.words()) {
  C1M_ASSERT(words_ >= words_min && words_ <= words_max, "a template is for frames of some words");
  const Bases bases = bases_of(sample);
  for (std::size_t i = 0; i < words_; ++i) {
    const Word word = load(sample.live.data(), i);
    compared_[i] = all_ones;
    if (bases.top - word <= sample.live.size() + left_below_bytes) {
      in_stack_[i] = all_ones;
    } else if (word - bases.record < sample.record.size()) {
      in_record_[i] = all_ones;
    }
    expected_[i] = word - (bases.top & in_stack_[i]) - (bases.record & in_record_[i]);
  }
}

std::size_t FrameTemplate::image_bytes() const {
  return std::max<std::size_t>(varying_.size(), 1) * sizeof(Word);
}

[[gnu::always_inline]] inline FrameTemplate::Pair FrameTemplate::load_pair(const void* words) {
  Pair pair;
  std::memcpy(&pair, words, sizeof pair);
  return pair;
}

[[gnu::always_inline]] inline FrameTemplate::Pair FrameTemplate::expected_pair(std::size_t place,
                                                                               Pair top,
                                                                               Pair record) const {
  return load_pair(&expected_[place]) + (top & load_pair(&in_stack_[place])) +
         (record & load_pair(&in_record_[place]));
}

bool FrameTemplate::matches(const Frames& frames) const {
  const Bases bases = bases_of(frames);
  const Pair top{bases.top, bases.top};
  const Pair record{bases.record, bases.record};
  Pair different{};
  in_pairs(words_, [&](std::size_t i) {
    const Pair words = load_pair(frames.live.data() + i * sizeof(Word));
    different |= (words ^ expected_pair(i, top, record)) & load_pair(&compared_[i]);
  });
  return (different[0] | different[1]) == 0;
}

std::size_t FrameTemplate::varying_with(const Frames& frames) const {
  FrameTemplate learned = *this;
  learned.learn(frames);
  return learned.varying_.size();
}

void FrameTemplate::learn(const Frames& frames) {
  const Bases bases = bases_of(frames);
  for (std::size_t i = 0; i < words_; ++i) {
    const Word different = load(frames.live.data(), i) ^ expected(i, bases);
    if ((different & compared_[i]) == 0) continue;
    compared_[i] = 0;
    varying_.add(i);
  }
}

void FrameTemplate::encode(const Frames& frames, std::byte* image) const {
  std::size_t next = 0;
  for (const std::uint8_t i : varying_) store(image, next++, load(frames.live.data(), i));
}

void FrameTemplate::decode(const std::byte* image, const Frames& frames) const {
  const Bases bases = bases_of(frames);
  const Pair top{bases.top, bases.top};
  const Pair record{bases.record, bases.record};
  in_pairs(words_, [&](std::size_t i) {
    const Pair words = expected_pair(i, top, record);
    std::memcpy(frames.live.data() + i * sizeof(Word), &words, sizeof words);
  });
  std::size_t next = 0;
  for (const std::uint8_t i : varying_) store(frames.live.data(), i, load(image, next++));
}

}  // namespace c1m::runtime
