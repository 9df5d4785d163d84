// A packet that waited in the socket has the time at which it came, not that of the read.
#include "os/receive_timestamp.hpp"

#include <unistd.h>

#include <array>

#include <gtest/gtest.h>

#include "os/socket.hpp"

namespace c1m::os {
namespace {

struct Ends {
  Descriptor near_end;
  Descriptor far_end;
};

Ends connect_ends() {
  ListenOptions options;
  options.non_blocking = false;
  const auto listener = listen_tcp(Endpoint::ipv4(INADDR_LOOPBACK, 0), options).value();
  auto near_end = start_connect(local_endpoint(listener.get()).value(), std::nullopt, {}).value();
  auto far_end = accept_tcp(listener.get(), Blocking::yes, {}).value();
  return {.near_end = std::move(near_end), .far_end = std::move(far_end)};
}

TEST(ReceiveTimestamp, IsBetweenSendingAndReading) {
  const Ends ends = connect_ends();
  ASSERT_TRUE(enable_receive_timestamps(ends.far_end.get()));
  const std::array sent{std::byte{7}};
  std::array<std::byte, 16> received{};
  // The kernel may begin to stamp a little later.
  for (int attempt = 0; attempt < 1'000; ++attempt) {
    const Nanoseconds before_ns = realtime_ns();
    ASSERT_EQ(write_some(ends.near_end.get(), sent), 1U);
    ::usleep(2'000);  // the packet waits in the socket
    const Nanoseconds reading_ns = realtime_ns();
    const auto got = read_some_stamped(ends.far_end.get(), received);
    ASSERT_TRUE(got) << describe(got.error());
    ASSERT_EQ(got->bytes, 1U);
    ASSERT_EQ(received[0], sent[0]);
    if (!got->received_realtime_ns) continue;
    EXPECT_GE(*got->received_realtime_ns, before_ns);
    EXPECT_LE(*got->received_realtime_ns, reading_ns);
    return;
  }
  FAIL() << "no stamp on any of 1,000 packets";
}

TEST(ReceiveTimestamp, SaysTheEndAndEmptinessAsAReadDoes) {
  Ends ends = connect_ends();
  ASSERT_TRUE(enable_receive_timestamps(ends.near_end.get()));
  std::array<std::byte, 16> received{};
  const auto nothing = read_some_stamped(ends.near_end.get(), received);
  ASSERT_FALSE(nothing);
  EXPECT_TRUE(would_block(nothing.error()));
  ends.far_end.reset();
  ::usleep(1'000);
  const auto end = read_some_stamped(ends.near_end.get(), received);
  ASSERT_TRUE(end);
  EXPECT_EQ(end->bytes, 0U);
  EXPECT_FALSE(enable_receive_timestamps(-1));
}

}  // namespace
}  // namespace c1m::os
