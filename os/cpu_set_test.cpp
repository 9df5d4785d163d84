// CPU lists: the kernel's syntax both ways, and binding the calling thread.
#include "os/cpu_set.hpp"

#include <cerrno>
#include <string>
#include <string_view>
#include <thread>

#include <gtest/gtest.h>

namespace c1m::os {
namespace {

struct ParseCase {
  std::string_view text;
  CpuSet cpus;
};

class CpuListParses : public testing::TestWithParam<ParseCase> {};

TEST_P(CpuListParses, ToAscendingNumbersWithoutDuplicates) {
  const auto cpus = parse_cpu_list(GetParam().text);
  ASSERT_TRUE(cpus.has_value()) << GetParam().text;
  EXPECT_EQ(*cpus, GetParam().cpus) << GetParam().text;
}

INSTANTIATE_TEST_SUITE_P(Table, CpuListParses,
                         testing::Values(ParseCase{"0", {0}}, ParseCase{"8191", {8191}},
                                         ParseCase{"0-3", {0, 1, 2, 3}}, ParseCase{"5-5", {5}},
                                         ParseCase{"0-1,8", {0, 1, 8}},
                                         ParseCase{"8,0-1", {0, 1, 8}},
                                         ParseCase{"1,1,0-2", {0, 1, 2}}));

class CpuListIsRefused : public testing::TestWithParam<std::string_view> {};

TEST_P(CpuListIsRefused, WhenItIsNotTheKernelsSyntax) {
  EXPECT_EQ(parse_cpu_list(GetParam()), std::nullopt) << GetParam();
}

INSTANTIATE_TEST_SUITE_P(Table, CpuListIsRefused,
                         testing::Values("", ",", "0,", ",0", "a", "1a", "-", "-1", "1-", "3-1",
                                         "1--2", "1-2-3", " 1", "1 ", "0x1", "8192", "0-8192",
                                         "99999999999999999999", "+1"));

TEST(CpuList, FormatsTheShortestForm) {
  EXPECT_EQ(format_cpu_list({}), "");
  EXPECT_EQ(format_cpu_list({7}), "7");
  EXPECT_EQ(format_cpu_list({0, 1}), "0-1");
  EXPECT_EQ(format_cpu_list({0, 1, 2, 5, 7, 8}), "0-2,5,7-8");
}

TEST(CpuList, FormattingAndParsingAreInverse) {
  for (const std::string text : {"0", "0-3,8", "1,3,5,7", "8191"}) {
    const auto cpus = parse_cpu_list(text);
    ASSERT_TRUE(cpus) << text;
    EXPECT_EQ(format_cpu_list(*cpus), text);
  }
}

TEST(CpuBinding, RestrictsTheCallingThreadAndNoOther) {
  const auto before = allowed_cpus();
  ASSERT_TRUE(before) << describe(before.error());
  ASSERT_FALSE(before->empty());
  const CpuSet one{before->back()};
  Result<void> bound;
  Result<CpuSet> seen;
  std::thread([&] {
    bound = bind_to(one);
    seen = allowed_cpus();
  }).join();
  ASSERT_TRUE(bound) << describe(bound.error());
  ASSERT_TRUE(seen);
  EXPECT_EQ(*seen, one);
  const auto after = allowed_cpus();
  ASSERT_TRUE(after);
  EXPECT_EQ(*after, *before);
}

TEST(CpuBinding, ToNoCpuThatExistsIsRefused) {
  const auto nowhere = bind_to({8191});
  ASSERT_FALSE(nowhere);
  EXPECT_EQ(nowhere.error().code, EINVAL);
  const auto empty = bind_to({});
  ASSERT_FALSE(empty);
  EXPECT_EQ(empty.error().code, EINVAL);
}

}  // namespace
}  // namespace c1m::os
