// Sockets: what HOST:PORT may look like, options as the kernel sees them, and how connecting fails.
#include "os/socket.hpp"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace c1m::os {
namespace {

using testing::HasSubstr;

const Endpoint any_loopback_port = Endpoint::ipv4(INADDR_LOOPBACK, 0);

int int_option(int fd, int level, int option) {
  int value = -1;
  socklen_t length = sizeof value;
  EXPECT_EQ(::getsockopt(fd, level, option, &value, &length), 0);
  return value;
}

// Blocks until `events`; the bound only keeps a broken test from hanging.
bool becomes(int fd, short events) {
  pollfd wanted{.fd = fd, .events = events, .revents = 0};
  return ::poll(&wanted, 1, 30'000) == 1;
}

// A listener on a free port and both ends of one connection to it.
struct Pair {
  Descriptor listener;
  Descriptor client;
  Descriptor server;
};

Result<Pair> connect_pair(const SocketOptions& options) {
  auto listener = listen_tcp(any_loopback_port, {.socket = options});
  if (!listener) return std::unexpected(listener.error());
  const auto address = local_endpoint(listener->get());
  if (!address) return std::unexpected(address.error());
  auto client = start_connect(*address, std::nullopt, options);
  if (!client) return std::unexpected(client.error());
  if (!becomes(listener->get(), POLLIN)) return fail(ETIMEDOUT, "poll");
  auto server = accept_tcp(listener->get(), Blocking::no, options);
  if (!server) return std::unexpected(server.error());
  return Pair{std::move(*listener), std::move(*client), std::move(*server)};
}

struct EndpointCase {
  std::string_view text;
  std::string_view formatted;
};

class EndpointParses : public testing::TestWithParam<EndpointCase> {};

TEST_P(EndpointParses, AndFormatsAsTheKernelKnowsIt) {
  const auto endpoint = parse_endpoint(GetParam().text);
  ASSERT_TRUE(endpoint) << endpoint.error();
  EXPECT_EQ(endpoint->to_string(), GetParam().formatted);
}

INSTANTIATE_TEST_SUITE_P(Table, EndpointParses,
                         testing::Values(EndpointCase{"127.0.0.1:7000", "127.0.0.1:7000"},
                                         EndpointCase{"0.0.0.0:0", "0.0.0.0:0"},
                                         EndpointCase{"10.1.2.3:65535", "10.1.2.3:65535"},
                                         EndpointCase{"[::1]:7000", "[::1]:7000"},
                                         EndpointCase{"[::]:80", "[::]:80"}));

struct RefusedCase {
  std::string_view text;
  std::string_view reason;
};

class EndpointIsRefused : public testing::TestWithParam<RefusedCase> {};

TEST_P(EndpointIsRefused, WithASentenceThatNamesTheFault) {
  const auto endpoint = parse_endpoint(GetParam().text);
  ASSERT_FALSE(endpoint) << GetParam().text;
  EXPECT_THAT(endpoint.error(), HasSubstr(std::string(GetParam().reason)));
}

INSTANTIATE_TEST_SUITE_P(
    Table, EndpointIsRefused,
    testing::Values(RefusedCase{"", "'' is not HOST:PORT"},
                    RefusedCase{"localhost", "'localhost' is not HOST:PORT"},
                    RefusedCase{":7000", "':7000' is not HOST:PORT"},
                    RefusedCase{"127.0.0.1:", "the port must be a number from 0 to 65535"},
                    RefusedCase{"127.0.0.1:65536", "the port must be a number from 0 to 65535"},
                    RefusedCase{"127.0.0.1:-1", "the port must be a number from 0 to 65535"},
                    RefusedCase{"127.0.0.1:80x", "the port must be a number from 0 to 65535"},
                    RefusedCase{"127.0.0.1: 80", "the port must be a number from 0 to 65535"},
                    RefusedCase{"::1:7000", "write an IPv6 address in brackets"},
                    RefusedCase{"[::1:7000", "write an IPv6 address in brackets"},
                    RefusedCase{"[]:7000", "cannot resolve host ''"},
                    RefusedCase{"256.0.0.1:80", "cannot resolve host '256.0.0.1'"}));

TEST(Endpoint, KnowsLoopback) {
  EXPECT_TRUE(Endpoint::ipv4(0x7f00'0001, 1).is_loopback());
  EXPECT_TRUE(Endpoint::ipv4(0x7fff'fffe, 1).is_loopback());
  EXPECT_FALSE(Endpoint::ipv4(0x0a00'0001, 1).is_loopback());
  EXPECT_TRUE(parse_endpoint("[::1]:1")->is_loopback());
  EXPECT_FALSE(parse_endpoint("[::]:1")->is_loopback());
  EXPECT_FALSE(Endpoint().is_loopback());
}

TEST(Endpoint, WithPortKeepsTheAddress) {
  EXPECT_EQ(parse_endpoint("127.0.0.1:1")->with_port(65'535).to_string(), "127.0.0.1:65535");
  EXPECT_EQ(parse_endpoint("[::1]:1")->with_port(2).to_string(), "[::1]:2");
  EXPECT_EQ(Endpoint().to_string(), "(no address)");
}

TEST(Listening, OnPortZeroGetsAFreePort) {
  const auto listener = listen_tcp(any_loopback_port, {});
  ASSERT_TRUE(listener) << describe(listener.error());
  const auto address = local_endpoint(listener->get());
  ASSERT_TRUE(address);
  EXPECT_NE(address->port(), 0);
  EXPECT_TRUE(address->is_loopback());
  EXPECT_EQ(int_option(listener->get(), SOL_SOCKET, SO_ACCEPTCONN), 1);
  EXPECT_EQ(::fcntl(listener->get(), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
}

TEST(Listening, OnABusyPortFails) {
  const auto first = listen_tcp(any_loopback_port, {});
  ASSERT_TRUE(first);
  const auto second = listen_tcp(*local_endpoint(first->get()), {});
  ASSERT_FALSE(second);
  EXPECT_EQ(describe(second.error()), "bind: Address already in use (EADDRINUSE)");
}

TEST(Listening, AgainAfterARestartIsNotHeldUpByOldConnections) {
  auto pair = connect_pair({});
  ASSERT_TRUE(pair);
  const auto address = local_endpoint(pair->listener.get());
  ASSERT_TRUE(address);
  // The side that closes first keeps the port in TIME_WAIT; SO_REUSEADDR lets a listener have it.
  pair->server.reset();
  ASSERT_TRUE(becomes(pair->client.get(), POLLIN));
  pair->client.reset();
  pair->listener.reset();
  const auto again = listen_tcp(*address, {});
  EXPECT_TRUE(again) << describe(again.error());
}

TEST(Listening, SharesAPortWhenBothAskForIt) {
  const auto first = listen_tcp(any_loopback_port, {.reuse_port = true, .socket = {}});
  ASSERT_TRUE(first);
  const auto second = listen_tcp(*local_endpoint(first->get()), {.reuse_port = true, .socket = {}});
  EXPECT_TRUE(second) << describe(second.error());
}

TEST(Listening, OnAnAddressOfAnotherMachineFails) {
  // 192.0.2.0/24 is reserved for documentation (RFC 5737): no machine has it.
  const auto listener = listen_tcp(Endpoint::ipv4(0xc000'0201, 0), {});
  ASSERT_FALSE(listener);
  EXPECT_EQ(listener.error().code, EADDRNOTAVAIL);
}

TEST(Accepting, WithNothingPendingWouldBlock) {
  const auto listener = listen_tcp(any_loopback_port, {});
  ASSERT_TRUE(listener);
  const auto none = accept_tcp(listener->get(), Blocking::no, {});
  ASSERT_FALSE(none);
  EXPECT_TRUE(would_block(none.error()));
}

TEST(Accepting, SetsBlockingAsAsked) {
  const auto listener = listen_tcp(any_loopback_port, {});
  ASSERT_TRUE(listener);
  const auto address = local_endpoint(listener->get());
  for (const Blocking blocking : {Blocking::no, Blocking::yes}) {
    const auto client = start_connect(*address, std::nullopt, {});
    ASSERT_TRUE(client);
    ASSERT_TRUE(becomes(listener->get(), POLLIN));
    const auto server = accept_tcp(listener->get(), blocking, {});
    ASSERT_TRUE(server);
    const bool is_blocking = (::fcntl(server->get(), F_GETFL) & O_NONBLOCK) == 0;
    EXPECT_EQ(is_blocking, blocking == Blocking::yes);
    EXPECT_EQ(::fcntl(server->get(), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
  }
}

TEST(SocketOptions, ReachBothEnds) {
  const auto pair = connect_pair({.send_buffer_bytes = 20'000, .receive_buffer_bytes = 30'000});
  ASSERT_TRUE(pair) << describe(pair.error());
  for (const int fd : {pair->client.get(), pair->server.get()}) {
    EXPECT_EQ(int_option(fd, IPPROTO_TCP, TCP_NODELAY), 1);
    // The kernel doubles what is asked for, to count its own overhead (socket(7)).
    EXPECT_EQ(int_option(fd, SOL_SOCKET, SO_SNDBUF), 40'000);
    EXPECT_EQ(int_option(fd, SOL_SOCKET, SO_RCVBUF), 60'000);
  }
}

TEST(SocketOptions, CanLeaveNagleOn) {
  const auto pair = connect_pair({.no_delay = false});
  ASSERT_TRUE(pair);
  EXPECT_EQ(int_option(pair->client.get(), IPPROTO_TCP, TCP_NODELAY), 0);
  EXPECT_EQ(int_option(pair->server.get(), IPPROTO_TCP, TCP_NODELAY), 0);
}

TEST(SocketOptions, OnSomethingElseFail) {
  EXPECT_EQ(apply_options(-1, {}).error().code, EBADF);
}

TEST(Connecting, SucceedsAndSaysSo) {
  const auto pair = connect_pair({});
  ASSERT_TRUE(pair);
  ASSERT_TRUE(becomes(pair->client.get(), POLLOUT));
  EXPECT_TRUE(connect_result(pair->client.get()));
}

TEST(Connecting, ToAClosedPortIsRefused) {
  auto listener = listen_tcp(any_loopback_port, {});
  ASSERT_TRUE(listener);
  const auto address = local_endpoint(listener->get());
  ASSERT_TRUE(address);
  listener->reset();
  const auto client = start_connect(*address, std::nullopt, {});
  ASSERT_TRUE(client) << "refusal arrives later, as the socket's error";
  ASSERT_TRUE(becomes(client->get(), POLLOUT));
  const auto outcome = connect_result(client->get());
  ASSERT_FALSE(outcome);
  EXPECT_EQ(describe(outcome.error()), "connect: Connection refused (ECONNREFUSED)");
}

TEST(Connecting, ComesFromTheSourceAddress) {
  const auto listener = listen_tcp(any_loopback_port, {});
  ASSERT_TRUE(listener);
  const auto source = Endpoint::ipv4(0x7f00'0203, 0);
  const auto client = start_connect(*local_endpoint(listener->get()), source, {});
  ASSERT_TRUE(client) << describe(client.error());
  ASSERT_TRUE(becomes(client->get(), POLLOUT));
  EXPECT_THAT(local_endpoint(client->get())->to_string(), testing::StartsWith("127.0.2.3:"));
  EXPECT_EQ(int_option(client->get(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT), 1);
}

TEST(Connecting, FromAnAddressOfAnotherMachineFails) {
  const auto client =
      start_connect(Endpoint::ipv4(INADDR_LOOPBACK, 9), Endpoint::ipv4(0xc000'0201, 0), {});
  ASSERT_FALSE(client);
  EXPECT_EQ(client.error().code, EADDRNOTAVAIL);
}

TEST(Connecting, OverIpv6UsesASourceToo) {
  const auto listener = listen_tcp(*parse_endpoint("[::1]:0"), {});
  if (!listener) GTEST_SKIP() << "no IPv6 here: " << describe(listener.error());
  const auto client =
      start_connect(*local_endpoint(listener->get()), parse_endpoint("[::1]:0").value(), {});
  ASSERT_TRUE(client) << describe(client.error());
  ASSERT_TRUE(becomes(client->get(), POLLOUT));
  EXPECT_TRUE(connect_result(client->get()));
}

TEST(Bytes, ArriveAndTheEndIsZero) {
  auto pair = connect_pair({});
  ASSERT_TRUE(pair);
  const std::string text = "echo";
  EXPECT_EQ(write_some(pair->client.get(), std::as_bytes(std::span(text))), text.size());
  std::array<std::byte, 16> buffer{};
  ASSERT_TRUE(becomes(pair->server.get(), POLLIN));
  ASSERT_EQ(read_some(pair->server.get(), buffer), text.size());
  EXPECT_TRUE(std::ranges::equal(std::span(buffer).first(4), std::as_bytes(std::span(text))));
  const auto nothing_yet = read_some(pair->server.get(), buffer);
  ASSERT_FALSE(nothing_yet);
  EXPECT_TRUE(would_block(nothing_yet.error()));
  pair->client.reset();
  ASSERT_TRUE(becomes(pair->server.get(), POLLIN));
  EXPECT_EQ(read_some(pair->server.get(), buffer), 0U);
}

TEST(Bytes, HalfAConnectionEndsWhileTheOtherGoesOn) {
  auto pair = connect_pair({});
  ASSERT_TRUE(pair);
  ASSERT_TRUE(shut_down_write(pair->client.get()));
  std::array<std::byte, 4> buffer{};
  ASSERT_TRUE(becomes(pair->server.get(), POLLIN));
  EXPECT_EQ(read_some(pair->server.get(), buffer), 0U);
  EXPECT_EQ(write_some(pair->server.get(), buffer), buffer.size());
  ASSERT_TRUE(becomes(pair->client.get(), POLLIN));
  EXPECT_EQ(read_some(pair->client.get(), buffer), buffer.size());
  const auto not_a_socket = shut_down_write(-1);
  ASSERT_FALSE(not_a_socket);
  EXPECT_EQ(not_a_socket.error().code, EBADF);
}

TEST(Bytes, ABlockingReadEndsWithItsTimeout) {
  auto pair = connect_pair({});
  ASSERT_TRUE(pair);
  const int fd = pair->server.get();
  ASSERT_TRUE(set_blocking(fd));
  ASSERT_TRUE(set_read_timeout(fd, ns_per_ms));
  std::array<std::byte, 4> buffer{};
  const auto got = read_some(fd, buffer);
  ASSERT_FALSE(got);
  EXPECT_TRUE(would_block(got.error()));
}

TEST(Bytes, ABlockingWriteEndsWithItsTimeout) {
  auto pair = connect_pair({.send_buffer_bytes = 10'000, .receive_buffer_bytes = 10'000});
  ASSERT_TRUE(pair);
  const int fd = pair->server.get();
  ASSERT_TRUE(set_blocking(fd));
  ASSERT_TRUE(set_write_timeout(fd, ns_per_ms));
  const std::vector<std::byte> block(100'000);
  Result<std::size_t> sent = 0;
  while (sent) sent = write_some(fd, block);
  EXPECT_TRUE(would_block(sent.error()));
}

TEST(Bytes, AReadThatIsShutDownEndsTheStream) {
  auto pair = connect_pair({});
  ASSERT_TRUE(pair);
  ASSERT_TRUE(set_blocking(pair->server.get()));
  ASSERT_TRUE(shut_down_read(pair->server.get()));
  std::array<std::byte, 4> buffer{};
  EXPECT_EQ(read_some(pair->server.get(), buffer), 0U);
  EXPECT_EQ(write_some(pair->server.get(), buffer), buffer.size()) << "the other direction lives";
}

TEST(Bytes, TimeoutsOnSomethingElseFail) {
  EXPECT_FALSE(set_read_timeout(-1, ns_per_ms));
  EXPECT_FALSE(set_write_timeout(-1, ns_per_ms));
  EXPECT_FALSE(set_blocking(-1));
  EXPECT_FALSE(shut_down_read(-1));
}

TEST(Bytes, WritingToAClosedPeerIsAnErrorNotASignal) {
  auto pair = connect_pair({});
  ASSERT_TRUE(pair);
  pair->server.reset();
  const std::array<std::byte, 1> byte{};
  // The first write provokes the reset; a later one meets it.
  Result<std::size_t> written = 1;
  while (written) {
    written = write_some(pair->client.get(), byte);
    becomes(pair->client.get(), POLLERR | POLLHUP);
  }
  EXPECT_THAT(written.error().code, testing::AnyOf(EPIPE, ECONNRESET));
}

}  // namespace
}  // namespace c1m::os
