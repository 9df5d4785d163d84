// Reserved ranges: zero-filled, given back on request, and guarded in either way.
#include "os/address_space.hpp"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <sstream>
#include <utility>

#include <gtest/gtest.h>

namespace c1m::os {
namespace {

TEST(AddressSpace, IsZeroFilledWritableAndRoundedToPages) {
  const auto space = AddressSpace::reserve(3 * page_bytes() + 1);
  ASSERT_TRUE(space);
  EXPECT_EQ(space->size(), 4 * page_bytes());
  EXPECT_EQ(space->data()[0], std::byte{0});
  space->data()[space->size() - 1] = std::byte{7};
  EXPECT_EQ(space->data()[space->size() - 1], std::byte{7});
}

TEST(AddressSpace, RefusesMoreThanTheAddressSpaceHolds) {
  const auto space = AddressSpace::reserve(std::size_t{1} << 60);
  ASSERT_FALSE(space);
  EXPECT_EQ(space.error().code, ENOMEM);
}

TEST(AddressSpace, ReleasedMemoryReadsAsZeros) {
  const auto space = AddressSpace::reserve(page_bytes());
  ASSERT_TRUE(space);
  space->data()[5] = std::byte{1};
  ASSERT_TRUE(release_memory(space->data(), page_bytes()));
  EXPECT_EQ(space->data()[5], std::byte{0});
}

class Guard : public testing::TestWithParam<GuardKind> {};

TEST_P(Guard, FaultsAtItsPageAndNotBesideItAndSurvivesRelease) {
  const auto space = AddressSpace::reserve(2 * page_bytes());
  ASSERT_TRUE(space);
  ASSERT_TRUE(install_guard(space->data(), page_bytes(), GetParam()));
  ASSERT_TRUE(release_memory(space->data() + page_bytes(), page_bytes()));
  volatile std::byte* bytes = space->data();
  bytes[page_bytes()] = std::byte{1};
  EXPECT_DEATH(bytes[page_bytes() - 1] = std::byte{1}, "");
}

TEST_P(Guard, OfSeveralRangesLeavesWhatIsBetweenThem) {
  constexpr std::size_t ranges = guards_at_once_max + 1;
  const std::size_t stride = 3 * page_bytes();
  const auto space = AddressSpace::reserve(ranges * stride);
  ASSERT_TRUE(space);
  std::size_t done = 0;
  while (done < ranges) {
    const auto guards = install_guards(space->data() + done * stride, page_bytes(), stride,
                                       ranges - done, GetParam());
    ASSERT_TRUE(guards);
    ASSERT_GE(guards->count, 1U);
    ASSERT_LE(guards->count, GetParam() == GuardKind::marker ? guards_at_once_max : 1);
    if (GetParam() == GuardKind::mapping) {
      EXPECT_EQ(guards->kind, GuardKind::mapping);
    }
    done += guards->count;
  }
  EXPECT_EQ(done, ranges);
  volatile std::byte* bytes = space->data();
  for (std::size_t i = 0; i < ranges; ++i) {
    bytes[i * stride + page_bytes()] = std::byte{1};
    bytes[(i + 1) * stride - 1] = std::byte{1};
    EXPECT_DEATH(bytes[i * stride] = std::byte{1}, "") << i;
    EXPECT_DEATH(bytes[i * stride + page_bytes() - 1] = std::byte{1}, "") << i;
  }
}

// PIDFD_SELF_THREAD came with Linux 6.15; that no filter forbids process_madvise is tried with a
// descriptor of this process.
bool takes_lists_of_guards(std::byte* page) {
  utsname kernel;
  if (::uname(&kernel) != 0) return false;
  int major = 0;
  int minor = 0;
  char dot = 0;
  std::istringstream(static_cast<const char*>(kernel.release)) >> major >> dot >> minor;
  if (std::pair(major, minor) < std::pair(6, 15)) return false;
  const auto self = static_cast<int>(::syscall(SYS_pidfd_open, ::getpid(), 0));
  const iovec range{.iov_base = page, .iov_len = page_bytes()};
  constexpr int madv_guard_install = 102;
  const ssize_t done = ::process_madvise(self, &range, 1, madv_guard_install, 0);
  ::close(self);
  return done > 0;
}

TEST(Guards, AreInstalledByOneCallWhereTheKernelCan) {
  const std::size_t stride = 2 * page_bytes();
  const auto space = AddressSpace::reserve((guards_at_once_max + 1) * stride);
  ASSERT_TRUE(space);
  if (!takes_lists_of_guards(space->data())) GTEST_SKIP() << "this kernel takes no such list";
  const auto guards = install_guards(space->data() + stride, page_bytes(), stride,
                                     guards_at_once_max, GuardKind::marker);
  ASSERT_TRUE(guards);
  EXPECT_EQ(guards->count, guards_at_once_max);
}

INSTANTIATE_TEST_SUITE_P(Kinds, Guard, testing::Values(GuardKind::marker, GuardKind::mapping));

}  // namespace
}  // namespace c1m::os
