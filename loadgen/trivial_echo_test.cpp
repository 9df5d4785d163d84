// The echo echoes, and ends with its object.
#include "loadgen/trivial_echo.hpp"

#include <array>

#include <gtest/gtest.h>

namespace c1m::loadgen {
namespace {

TEST(TrivialEcho, EchoesUntilItIsDestroyed) {
  auto started = TrivialEcho::start(std::nullopt);
  ASSERT_TRUE(started) << os::describe(started.error());
  std::optional<TrivialEcho> echo(*std::move(started));
  os::Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const os::Endpoint& target = echo->endpoint();
  ASSERT_EQ(::connect(socket.get(), target.data(), target.size()), 0);
  const std::array sent{std::byte{1}, std::byte{2}, std::byte{3}};
  ASSERT_EQ(os::write_some(socket.get(), sent), sent.size());
  std::array<std::byte, 3> received{};
  ASSERT_EQ(os::read_some(socket.get(), received), received.size());
  EXPECT_EQ(received, sent);
  echo.reset();
  // The child's end is closed by its death.
  EXPECT_EQ(os::read_some(socket.get(), received).value_or(0), 0U);
}

}  // namespace
}  // namespace c1m::loadgen
