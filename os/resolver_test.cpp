// Numeric addresses need no name server; a name that cannot exist has an error in words.
#include "os/resolver.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace c1m::os {
namespace {

TEST(Resolver, ANumericAddressIsItself) {
  const auto ipv4 = resolve("127.0.0.1", "7000");
  ASSERT_TRUE(ipv4) << describe(ipv4.error());
  ASSERT_EQ(ipv4->size(), 1U);
  EXPECT_EQ(ipv4->front().to_string(), "127.0.0.1:7000");
  const auto ipv6 = resolve("::1", "");
  ASSERT_TRUE(ipv6) << describe(ipv6.error());
  EXPECT_EQ(ipv6->front().to_string(), "[::1]:0");
}

TEST(Resolver, ErrorsAreTheResolversOwnWords) {
  const auto nobody = resolve("name.invalid", "7000");  // RFC 6761: never resolves
  ASSERT_FALSE(nobody);
  EXPECT_THAT(describe(nobody.error()), testing::StartsWith("getaddrinfo (EAI_"));
  const auto host = resolve("", "7000");
  ASSERT_FALSE(host);
  EXPECT_EQ(host.error().code, ENXIO);
  const auto service = resolve("127.0.0.1", "no-such-service");
  ASSERT_FALSE(service);
  EXPECT_EQ(service.error().code, ENXIO);
}

}  // namespace
}  // namespace c1m::os
