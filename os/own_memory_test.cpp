// What is there is read; what is not does not end the process.
#include "os/own_memory.hpp"

#include <array>
#include <span>

#include <gtest/gtest.h>

#include "os/address_space.hpp"

namespace c1m::os {
namespace {

TEST(OwnMemoryTest, ReadsWhatIsThereAndFailsWhereNothingIs) {
  const std::array<int, 3> source{1, 2, 3};
  std::array<int, 3> copy{};
  EXPECT_TRUE(read_own_memory(source.data(), std::as_writable_bytes(std::span(copy))));
  EXPECT_EQ(copy, source);
  EXPECT_FALSE(read_own_memory(nullptr, std::as_writable_bytes(std::span(copy))));
  const void* gone = nullptr;
  {
    const auto space = AddressSpace::reserve(page_bytes());
    ASSERT_TRUE(space);
    gone = space->data();
    EXPECT_TRUE(read_own_memory(gone, std::as_writable_bytes(std::span(copy))));
  }
  EXPECT_FALSE(read_own_memory(gone, std::as_writable_bytes(std::span(copy))));
}

}  // namespace
}  // namespace c1m::os
