// The echo session answers with the very bytes, and the very buffer, that it was given.
#include "protocol/echo_session.hpp"

#include <algorithm>
#include <array>
#include <random>
#include <type_traits>
#include <vector>

#include <gtest/gtest.h>

namespace c1m::protocol {
namespace {

TEST(EchoSession, RepliesFromTheReceivedBufferWithoutACopy) {
  std::array<std::byte, 64> buffer{};
  EchoSession::Service service;
  EchoSession session;
  const Reply reply = session.receive(service, std::span(buffer).first(17), 0);
  EXPECT_EQ(reply.bytes.data(), buffer.data());
  EXPECT_EQ(reply.bytes.size(), 17U);
  EXPECT_EQ(reply.after, After::keep_open);
}

TEST(EchoSession, HasNoState) {
  EXPECT_TRUE(std::is_empty_v<EchoSession>);
}

// However the stream is cut into reads, what comes out is what went in.
TEST(EchoSession, GivesTheSameStreamForEveryWayToCutIt) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  std::vector<std::byte> stream(10'000);
  std::ranges::generate(stream, [&] { return static_cast<std::byte>(random()); });

  EchoSession::Service service;
  EchoSession session;
  std::array<std::byte, 512> buffer{};
  std::vector<std::byte> echoed;
  std::span<const std::byte> rest = stream;
  while (!rest.empty()) {
    const std::size_t cut = std::min<std::size_t>(rest.size(), 1 + random() % buffer.size());
    std::ranges::copy(rest.first(cut), buffer.begin());
    const Reply reply = session.receive(service, std::span(buffer).first(cut), 0);
    echoed.insert(echoed.end(), reply.bytes.begin(), reply.bytes.end());
    rest = rest.subspan(cut);
  }
  EXPECT_EQ(echoed, stream);
}

TEST(EchoSessionDeathTest, RefusesAnEmptyInput) {
  EchoSession::Service service;
  EchoSession session;
  EXPECT_DEATH(session.receive(service, {}, 0), "the end of the stream does not reach the session");
}

}  // namespace
}  // namespace c1m::protocol
