// Connected sockets and known bytes for the tests of the network.
// Threads: for coroutines of the runtime under test.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "os/ring.hpp"
#include "os/socket.hpp"
#include "runtime/runtime_fixture.hpp"
#include "runtime/tcp_listener.hpp"
#include "runtime/tcp_stream.hpp"

namespace c1m::runtime {

// With every poller that the kernel allows, and every number of processors.
struct NetworkParam {
  Poller poller = Poller::epoll;
  unsigned processors = 1;
};

class NetworkTest : public RuntimeFixture, public testing::WithParamInterface<NetworkParam> {
 protected:
  void SetUp() override {
    const auto [poller, processors] = GetParam();
    if (poller == Poller::io_uring) {
      const auto ring = os::Ring::create(os::Ring::Sharing::any_thread);
      if (!ring) GTEST_SKIP() << "no io_uring here: " << os::describe(ring.error());
    }
    set_up({.processors = processors, .stack_bytes = stack_bytes, .poller = poller});
  }

  [[nodiscard]] static bool on_ring() { return GetParam().poller == Poller::io_uring; }
};

inline std::vector<NetworkParam> network_params() {
  std::vector<NetworkParam> params;
  for (const Poller poller : {Poller::epoll, Poller::io_uring}) {
    for (const unsigned processors : processor_counts) params.push_back({poller, processors});
  }
  return params;
}

// NOLINTNEXTLINE(cppcoreguidelines-macro-usage): gtest has no function for it.
#define C1M_FOR_ALL_POLLERS(suite)                                                   \
  INSTANTIATE_TEST_SUITE_P(                                                          \
      Pollers, suite, testing::ValuesIn(network_params()), [](const auto& test) {    \
        return std::string(test.param.poller == Poller::epoll ? "epoll" : "uring") + \
               std::to_string(test.param.processors);                                \
      })

struct Listening {
  TcpListener listener;
  os::Endpoint endpoint;
};

// On a port of the kernel's choice, in the runtime of the caller.
inline Listening listen() {
  auto socket = os::listen_tcp(os::Endpoint::ipv4(INADDR_LOOPBACK, 0), {});
  EXPECT_TRUE(socket);
  const os::Endpoint endpoint = *os::local_endpoint(socket->get());
  auto listener = TcpListener::adopt(std::move(*socket));
  EXPECT_TRUE(listener);
  return {std::move(*listener), endpoint};
}

struct StreamPair {
  TcpStream client;
  TcpStream server;
};

inline StreamPair connect_pair() {
  auto [listener, endpoint] = listen();
  auto client = TcpStream::connect(endpoint);
  auto server = listener.accept();
  EXPECT_TRUE(client && server);
  return {std::move(*client), std::move(*server)};
}

inline std::vector<std::byte> numbered_bytes(std::size_t count, unsigned seed) {
  std::vector<std::byte> bytes(count);
  for (std::size_t i = 0; i < count; ++i) {
    bytes[i] = static_cast<std::byte>((i * 131 + seed) >> 3);
  }
  return bytes;
}

}  // namespace c1m::runtime
