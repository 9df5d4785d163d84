// Return addresses of this very program are found again, also behind inlining.
#include "os/symbolizer.hpp"

#include <array>

#include <gtest/gtest.h>

namespace c1m::os {
namespace {

[[gnu::noinline]] const void* my_return_address() {
  return __builtin_extract_return_addr(__builtin_return_address(0));
}

[[gnu::noinline]] const void* address_in_a_function_to_be_found() {
  const void* const address = my_return_address();
  asm volatile("" : : : "memory");  // no tail call
  return address;
}

TEST(SymbolizerTest, FindsTheFunctionFileAndLineOfACall) {
  const std::array<const void*, 2> addresses{address_in_a_function_to_be_found(), nullptr};
  const auto found = find_calls(addresses);
  ASSERT_EQ(found.size(), 2U);
  ASSERT_FALSE(found[0].empty());
  const SourcePlace& outermost = found[0].back();
  EXPECT_NE(outermost.function.find("address_in_a_function_to_be_found"), std::string::npos)
      << outermost.function;
  EXPECT_TRUE(outermost.file.ends_with("symbolizer_test.cpp")) << outermost.file;
  EXPECT_EQ(outermost.line, 16);
  EXPECT_TRUE(found[1].empty()) << "no code is at 0";
}

}  // namespace
}  // namespace c1m::os
