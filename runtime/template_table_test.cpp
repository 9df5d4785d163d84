// Which frames get templates, and that these are found, shared, limited in number and become wider
// instead of more.
#include "runtime/template_table.hpp"

#include <algorithm>
#include <span>
#include <vector>

#include <gtest/gtest.h>

namespace c1m::runtime {
namespace {

using Word = FrameTemplate::Word;

// Frames whose words are given; they point nowhere.
Frames frames_over(std::span<Word> words) {
  return {.live = std::as_writable_bytes(words), .record = {}};
}

class TemplateTableTest : public testing::Test {
 protected:
  // As a slot does with frames that are to be frozen.
  TemplateNumber freeze(std::vector<Word> words, TemplateNumber likely = 0) {
    const Frames frames = frames_over(words);
    const TemplateNumber found = table_.find(frames, likely);
    if (found == 0) learner_.see(frames, table_);
    return found;
  }

  // Freezes frames of `count` words of `code`, of which one is a number, until there is a template
  // for them; returns how many were frozen without one, or `most`.
  std::uint32_t teach(std::size_t count, Word code, std::uint32_t most = 100) {
    for (std::uint32_t number = 0; number < most; ++number) {
      std::vector<Word> words(count, code);
      words[count / 2] = 1000 + number;
      if (freeze(words) != 0) return number;
    }
    return most;
  }

  TemplateTable table_;
  TemplateLearner learner_;
};

TEST_F(TemplateTableTest, AnotherThreadsFramesMatchAfterSomeSamples) {
  EXPECT_EQ(teach(41, 1), TemplateLearner::samples_wanted + 1);
  std::vector<Word> words(41, 1);
  words[20] = 77;
  const TemplateNumber number = table_.find(frames_over(words), 0);
  ASSERT_NE(number, 0);
  EXPECT_EQ(table_.at(number).image_bytes(), sizeof(Word));
  EXPECT_EQ(table_.find(frames_over(words), number), number);
  words[19] = 0;
  EXPECT_EQ(table_.find(frames_over(words), number), 0);
}

TEST_F(TemplateTableTest, ALikelyTemplateOfAnotherSizeIsPassedOver) {
  teach(20, 1);
  teach(30, 1);
  const TemplateNumber of_20 = freeze(std::vector<Word>(20, 1));
  const TemplateNumber of_30 = freeze(std::vector<Word>(30, 1), of_20);
  EXPECT_NE(of_20, 0);
  EXPECT_NE(of_30, 0);
  EXPECT_NE(of_20, of_30);
  EXPECT_EQ(freeze(std::vector<Word>(20, 1), of_30), of_20);
}

TEST_F(TemplateTableTest, SeveralPointsAreLearnedAtATime) {
  std::uint32_t without = 0;
  for (std::uint32_t number = 0; number < 100; ++number) {
    for (Word code = 1; code <= 4; ++code) {
      std::vector<Word> words(41, code);
      words[40] = 1000 + number;
      if (freeze(words) == 0) ++without;
    }
  }
  EXPECT_EQ(without, 4 * (TemplateLearner::samples_wanted + 1));
}

TEST_F(TemplateTableTest, AWordThatVariesLaterMakesAWiderTemplate) {
  teach(41, 1);
  std::vector<Word> words(41, 1);
  std::uint32_t without = 0;
  for (std::uint32_t number = 0; number < 100; ++number) {
    words[20] = 1000 + number;
    words[7] = 2000 + number / 50;
    if (freeze(words) == 0) ++without;
  }
  EXPECT_EQ(without, TemplateLearner::samples_wanted + 1) << "the second value needs no more";
  EXPECT_EQ(table_.at(freeze(words)).image_bytes(), 2 * sizeof(Word));
}

// Words that nobody has written show what earlier frames left there: now one varies, now another. A
// template for each combination would be one too many for four such words.
TEST_F(TemplateTableTest, WordsThatVaryNowAndThenAddUp) {
  constexpr std::uint32_t leftovers = 4;
  std::uint32_t without = 0;
  for (std::uint32_t combination = 0; combination < 1U << leftovers; ++combination) {
    std::vector<Word> words(41, 1);
    for (std::uint32_t i = 0; i < leftovers; ++i) {
      if ((combination >> i & 1U) != 0) words[30 + i] = 2;
    }
    for (std::uint32_t number = 0; number < 100; ++number) {
      words[20] = 1000 + number;
      if (freeze(words) == 0) ++without;
    }
  }
  EXPECT_EQ(without, (1 + leftovers) * (TemplateLearner::samples_wanted + 1));
}

TEST_F(TemplateTableTest, EachSizeHasItsShareAndNoMore) {
  for (Word code = 1; code <= TemplateTable::of_one_size_max; ++code) {
    EXPECT_LT(teach(10, code), 100U);
  }
  EXPECT_EQ(teach(10, 1000), 100U);
  EXPECT_LT(teach(11, 1000), 100U) << "another size has room";
  EXPECT_EQ(teach(10, 1), 0U) << "and what there is stays";
}

TEST_F(TemplateTableTest, LongFramesGetNone) {
  EXPECT_LT(teach(FrameTemplate::words_max, 1), 100U);
  EXPECT_EQ(teach(FrameTemplate::words_max + 1, 1), 100U);
}

TEST_F(TemplateTableTest, FramesThatAreNotAlikeGetNoneAndAreLookedAtSeldom) {
  Word next = 1;
  for (int i = 0; i < 200; ++i) {
    std::vector<Word> words(30);
    std::ranges::generate(words, [&next] { return next++; });
    EXPECT_EQ(freeze(words), 0);
  }
  const std::uint32_t seldom = TemplateLearner::samples_wanted * TemplateLearner::seldom;
  const std::uint32_t without = teach(41, 1, 10 * seldom);
  EXPECT_GE(without, seldom);
  EXPECT_LE(without, 2 * seldom);
  EXPECT_EQ(teach(42, 1), TemplateLearner::samples_wanted + 1) << "success encourages";
}

}  // namespace
}  // namespace c1m::runtime
