// What the frames of coroutines that wait at the same point of a program have in common, so that
// only the rest need be stored. Of some forty words most are the same in all of them: return
// addresses, what the callers keep in registers, addresses inside the same stack and of the
// coroutine's own record. The words that differ are found by looking at several frames (learn()).
// Invariants: what matches() comes out of decode() byte for byte as it went into encode(), whatever
// was learned; image_bytes() is the same for all frames of a template. Threads: a value; shared
// only when nobody changes it any more. Not here: which templates there are (template_table.hpp).
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace c1m::runtime {

// The frames of one parked coroutine: whole words, the lowest address first.
struct Frames {
  std::span<std::byte> live;          // from the saved stack pointer to the stack's top
  std::span<const std::byte> record;  // the coroutine's, to which they may point

  [[nodiscard]] std::size_t words() const { return live.size() / sizeof(std::uint64_t); }
};

class FrameTemplate {
 public:
  using Word = std::uint64_t;
  static constexpr std::size_t words_min = 2;  // fcontext alone saves eight
  static constexpr std::size_t words_max = 128;

  // Expects of every word what it is in `sample`, which has words_min to words_max words.
  explicit FrameTemplate(const Frames& sample);

  [[nodiscard]] std::size_t words() const { return words_; }
  [[nodiscard]] std::size_t image_bytes() const;

  // All of these are for frames of words() words.
  // Whether all words are as expected, but for those of which nothing is expected.
  [[nodiscard]] bool matches(const Frames& frames) const;
  // What words of which nothing would be expected after learn(frames).
  [[nodiscard]] std::size_t varying_with(const Frames& frames) const;
  // From now on nothing is expected of the words that are not as expected in `frames`.
  void learn(const Frames& frames);

  // `frames` match; `image` has room for image_bytes().
  void encode(const Frames& frames, std::byte* image) const;
  // The same coroutine's frames at the same place.
  void decode(const std::byte* image, const Frames& frames) const;
  // `frames` match, and another's, encoded in `image`, shall be in their place: afterwards `image`
  // holds what encode() makes of the former. So most words need not be touched: they are the same.
  // `record` is the other's.
  void exchange(const Frames& frames, std::span<const std::byte> record, std::byte* image) const;

 private:
  // Some of the words, by index.
  class Places {
   public:
    void add(std::size_t place) { places_[count_++] = static_cast<std::uint8_t>(place); }
    // One of them. The order changes.
    void remove(std::size_t place) {
      *std::find(places_.begin(), places_.begin() + count_, place) = places_[count_ - 1];
      --count_;
    }
    [[nodiscard]] std::size_t size() const { return count_; }
    [[nodiscard]] const std::uint8_t* begin() const { return places_.data(); }
    [[nodiscard]] const std::uint8_t* end() const { return places_.data() + count_; }

   private:
    std::array<std::uint8_t, words_max> places_;  // those from count_ on are never read
    std::size_t count_ = 0;
  };

  [[nodiscard]] Word expected(std::size_t place, Word top) const {
    return expected_[place] + (top & in_stack_[place]);
  }
  // Makes the words that point into the record do so.
  void point_into(std::span<const std::byte> record, std::byte* live) const;

  std::size_t words_;
  // Word i is expected to be expected_[i], from the stack's top where in_stack_[i] is all ones.
  // compared_[i] is 0 where another or nothing is expected. Masks instead of lists, so that all
  // words take the same few vector instructions.
  std::array<Word, words_max> expected_{};
  std::array<Word, words_max> compared_{};
  std::array<Word, words_max> in_stack_{};
  // The few of which expected_[i] is meant from the record's beginning.
  Places in_record_;
  Places varying_;  // nothing is expected
};

}  // namespace c1m::runtime
