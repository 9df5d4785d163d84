// Ownership of descriptors: closed once, by the last owner, and never twice.
#include "os/descriptor.hpp"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <type_traits>
#include <utility>

#include <gtest/gtest.h>

namespace c1m::os {
namespace {

bool is_open_in_kernel(int fd) {
  return ::fcntl(fd, F_GETFD) != -1 || errno != EBADF;
}

Descriptor make() {
  return Descriptor(::eventfd(0, EFD_CLOEXEC));
}

static_assert(!std::is_copy_constructible_v<Descriptor>);
static_assert(!std::is_copy_assignable_v<Descriptor>);
static_assert(std::is_nothrow_move_constructible_v<Descriptor>);

TEST(Descriptor, DefaultOwnsNothing) {
  Descriptor none;
  EXPECT_FALSE(none.is_open());
  EXPECT_EQ(none.get(), -1);
  none.reset();
  EXPECT_FALSE(none.is_open());
}

TEST(Descriptor, DestructionCloses) {
  int fd = -1;
  {
    const Descriptor owner = make();
    fd = owner.get();
    ASSERT_TRUE(is_open_in_kernel(fd));
  }
  EXPECT_FALSE(is_open_in_kernel(fd));
}

TEST(Descriptor, ResetClosesOnce) {
  Descriptor owner = make();
  const int fd = owner.get();
  owner.reset();
  EXPECT_FALSE(owner.is_open());
  EXPECT_FALSE(is_open_in_kernel(fd));
  // The kernel gives the number to the next file; a second reset must leave that one alone.
  const Descriptor next = make();
  ASSERT_EQ(next.get(), fd);
  owner.reset();
  EXPECT_TRUE(is_open_in_kernel(next.get()));
}

TEST(Descriptor, MoveConstructionHandsOver) {
  Descriptor from = make();
  const int fd = from.get();
  const Descriptor to(std::move(from));
  EXPECT_FALSE(
      from.is_open());  // NOLINT(bugprone-use-after-move): the moved-from state is the point
  EXPECT_EQ(to.get(), fd);
  EXPECT_TRUE(is_open_in_kernel(fd));
}

TEST(Descriptor, MoveAssignmentClosesWhatWasThere) {
  Descriptor to = make();
  Descriptor from = make();
  const int old = to.get();
  const int fd = from.get();
  to = std::move(from);
  EXPECT_FALSE(is_open_in_kernel(old));
  EXPECT_EQ(to.get(), fd);
  EXPECT_TRUE(is_open_in_kernel(fd));
}

TEST(Descriptor, SelfAssignmentKeepsIt) {
  Descriptor owner = make();
  const int fd = owner.get();
  Descriptor& same = owner;
  owner = std::move(same);
  EXPECT_EQ(owner.get(), fd);
  EXPECT_TRUE(is_open_in_kernel(fd));
}

TEST(Descriptor, ReleaseGivesAwayWithoutClosing) {
  int fd = -1;
  {
    Descriptor owner = make();
    fd = owner.release();
    EXPECT_FALSE(owner.is_open());
  }
  EXPECT_TRUE(is_open_in_kernel(fd));
  EXPECT_EQ(::close(fd), 0);
}

TEST(Duplicate, IsAnotherNumberForTheSameFile) {
  Descriptor original = make();
  const auto copy = duplicate(original.get());
  ASSERT_TRUE(copy) << describe(copy.error());
  EXPECT_NE(copy->get(), original.get());
  EXPECT_EQ(::fcntl(copy->get(), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
  ASSERT_EQ(::eventfd_write(original.get(), 5), 0);
  original.reset();
  eventfd_t value = 0;
  ASSERT_EQ(::eventfd_read(copy->get(), &value), 0);
  EXPECT_EQ(value, 5U);
}

TEST(Duplicate, OfNothingIsAnError) {
  EXPECT_EQ(duplicate(-1).error().code, EBADF);
}

}  // namespace
}  // namespace c1m::os
