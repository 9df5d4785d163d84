// Errors as sentences, and errno as a Result.
#include "os/result.hpp"

#include <cerrno>
#include <string>
#include <type_traits>

#include <gtest/gtest.h>

namespace c1m::os {
namespace {

// An Error must be returnable when memory is short: no owning member.
static_assert(std::is_trivially_copyable_v<Error>);
static_assert(sizeof(Error) <= 2 * sizeof(void*));

TEST(Error, DescribesCallMeaningAndName) {
  EXPECT_EQ(describe({.code = EADDRINUSE, .operation = "bind"}),
            "bind: Address already in use (EADDRINUSE)");
  EXPECT_EQ(describe({.code = ENOSPC, .operation = "write"}),
            "write: No space left on device (ENOSPC)");
}

TEST(Error, DescribesACodeThatTheSystemDoesNotKnow) {
  EXPECT_EQ(describe({.code = 99'999, .operation = "open"}), "open: unknown error");
}

TEST(Error, HasTheNameOfItsCode) {
  EXPECT_EQ(error_name(ECONNREFUSED), "ECONNREFUSED");
  EXPECT_EQ(error_name(99'999), "errno 99999");
}

TEST(Error, IsEqualWhenCodeAndOperationAre) {
  // An array of its own, so that the text is equal and its address is not.
  const std::string bind = "bind";
  const Error busy{.code = EADDRINUSE, .operation = "bind"};
  EXPECT_EQ(busy, (Error{.code = EADDRINUSE, .operation = bind.c_str()}));
  EXPECT_NE(busy, (Error{.code = EACCES, .operation = "bind"}));
  EXPECT_NE(busy, (Error{.code = EADDRINUSE, .operation = "listen"}));
}

TEST(LastError, TakesErrno) {
  errno = ENOENT;
  const Result<int> result = last_error("open");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ENOENT);
  EXPECT_STREQ(result.error().operation, "open");
}

TEST(Fail, CarriesItsCode) {
  errno = ENOENT;
  const Result<void> result = fail(EINVAL, "parse");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, EINVAL);
  EXPECT_EQ(errno, ENOENT) << "fail() neither reads nor sets errno";
}

}  // namespace
}  // namespace c1m::os
