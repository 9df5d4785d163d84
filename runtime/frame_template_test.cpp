// Frames as the difference from a template, against a word by word model: what matches comes back
// byte for byte, what does not is seen, whichever word it is. Frames by chance; the seed is printed
// and C1M_FRAMES_SEED replays it.
#include "runtime/frame_template.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <random>
#include <span>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace c1m::runtime {
namespace {

using Word = FrameTemplate::Word;

std::uint64_t seed_of_run() {
  const char* replay = std::getenv("C1M_FRAMES_SEED");
  return replay != nullptr ? std::strtoull(replay, nullptr, 10) : std::random_device{}();
}

// A stack and a record, with the frames of one coroutine at the stack's top. Bytes around the
// frames tell whether somebody has written there.
class Tenant {
 public:
  explicit Tenant(std::size_t words) : stack_(margin + words, guard_word), record_(8) {}

  [[nodiscard]] Frames frames() {
    const auto stack = std::as_writable_bytes(std::span(stack_));
    return {.live = stack.subspan(margin * sizeof(Word)),
            .record = std::as_bytes(std::span(record_))};
  }
  [[nodiscard]] std::span<Word> words() { return std::span(stack_).subspan(margin); }
  [[nodiscard]] bool is_intact_below() const {
    return std::ranges::count(std::span(stack_).first(margin), guard_word) == margin;
  }
  [[nodiscard]] Word top() { return reinterpret_cast<Word>(stack_.data() + stack_.size()); }
  [[nodiscard]] Word record() { return reinterpret_cast<Word>(record_.data()); }

 private:
  // So wide that nothing else is near the frames, as it is with stacks.
  static constexpr std::size_t margin = 256;
  static constexpr Word guard_word = 0xa5a5a5a5a5a5a5a5;
  std::vector<Word> stack_;
  std::vector<Word> record_;
};

// What a word is in the frames of many coroutines.
enum class Kind : std::uint8_t { constant, in_stack, in_record, varying };

struct WordPlan {
  Kind kind;
  Word value;  // or the distance
};

using Random = std::mt19937_64;

std::vector<WordPlan> plan_words(Random& random, std::size_t count) {
  std::vector<WordPlan> plan(count);
  for (WordPlan& word : plan) {
    word.kind = static_cast<Kind>(random() % 4);
    word.value = word.kind == Kind::in_stack ? random() % (count * sizeof(Word)) : random();
    if (word.kind == Kind::in_record) word.value %= 64;
  }
  return plan;
}

void fill(Tenant& tenant, const std::vector<WordPlan>& plan, Random& random) {
  for (std::size_t i = 0; i < plan.size(); ++i) {
    Word& word = tenant.words()[i];
    switch (plan[i].kind) {
      case Kind::constant:
        word = plan[i].value;
        break;
      case Kind::in_stack:
        word = tenant.top() - plan[i].value;
        break;
      case Kind::in_record:
        word = tenant.record() + plan[i].value;
        break;
      case Kind::varying:
        word = random();
        break;
    }
  }
}

class FrameTemplateTest : public testing::Test {
 protected:
  FrameTemplateTest() { RecordProperty("seed", std::to_string(seed_)); }

  // A template of frames that follow the plan.
  FrameTemplate learn(const std::vector<WordPlan>& plan) {
    Tenant first(plan.size());
    fill(first, plan, random_);
    FrameTemplate made(first.frames());
    for (int sample = 0; sample < 3; ++sample) {
      Tenant another(plan.size());
      fill(another, plan, random_);
      made.learn(another.frames());
    }
    return made;
  }

  // Through an image and back onto a stack that another has used meanwhile.
  void expect_comes_back(const FrameTemplate& made, Tenant& tenant) {
    const std::vector<Word> before(tenant.words().begin(), tenant.words().end());
    std::vector<std::byte> image(made.image_bytes() + sizeof(Word), std::byte{0x5a});
    made.encode(tenant.frames(), image.data());
    for (Word& word : tenant.words()) word = random_();
    made.decode(image.data(), tenant.frames());
    EXPECT_TRUE(std::ranges::equal(before, tenant.words())) << seed_;
    EXPECT_TRUE(tenant.is_intact_below()) << seed_;
    for (std::size_t i = made.image_bytes(); i < image.size(); ++i)
      EXPECT_EQ(image[i], std::byte{0x5a}) << seed_;
  }

  const std::uint64_t seed_ = seed_of_run();
  Random random_{seed_};
};

TEST_F(FrameTemplateTest, FramesOfEverySizeComeBack) {
  for (std::size_t count = FrameTemplate::words_min; count <= FrameTemplate::words_max; ++count) {
    const auto plan = plan_words(random_, count);
    const FrameTemplate made = learn(plan);
    Tenant tenant(count);
    fill(tenant, plan, random_);
    ASSERT_TRUE(made.matches(tenant.frames())) << "C1M_FRAMES_SEED=" << seed_;
    expect_comes_back(made, tenant);
  }
}

TEST_F(FrameTemplateTest, OnlyWhatVariesIsStored) {
  const std::size_t count = 100;
  auto plan = plan_words(random_, count);
  for (std::size_t i = 0; i < count; ++i) plan[i].kind = i % 10 == 0 ? Kind::varying : plan[i].kind;
  std::size_t varying = 0;
  for (const WordPlan& word : plan) varying += word.kind == Kind::varying ? 1 : 0;
  EXPECT_EQ(learn(plan).image_bytes(), varying * sizeof(Word));
}

TEST_F(FrameTemplateTest, EveryOtherDifferenceIsSeen) {
  for (const std::size_t count : {2UZ, 3UZ, 7UZ, 8UZ, 9UZ, 41UZ, 64UZ, FrameTemplate::words_max}) {
    const auto plan = plan_words(random_, count);
    const FrameTemplate made = learn(plan);
    Tenant tenant(count);
    for (std::size_t i = 0; i < count; ++i) {
      fill(tenant, plan, random_);
      tenant.words()[i] ^= Word{1} << random_() % 64;
      const bool varies = plan[i].kind == Kind::varying;
      ASSERT_EQ(made.matches(tenant.frames()), varies)
          << "word " << i << " of " << count << ", C1M_FRAMES_SEED=" << seed_;
      if (varies) continue;
      // Another template learns of it, and has it back then.
      FrameTemplate wider = made;
      wider.learn(tenant.frames());
      ASSERT_TRUE(wider.matches(tenant.frames()));
      expect_comes_back(wider, tenant);
    }
  }
}

TEST_F(FrameTemplateTest, FramesThatAreAllTheSameTakeOneWord) {
  const std::vector<WordPlan> plan(20, {.kind = Kind::constant, .value = 7});
  EXPECT_EQ(learn(plan).image_bytes(), sizeof(Word)) << "a block cannot be empty";
}

}  // namespace
}  // namespace c1m::runtime
