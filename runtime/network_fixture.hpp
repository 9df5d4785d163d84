// Connected sockets and known bytes for the tests of the network.
// Threads: for coroutines of the runtime under test.
#pragma once

#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "os/socket.hpp"
#include "runtime/runtime_fixture.hpp"
#include "runtime/tcp_listener.hpp"
#include "runtime/tcp_stream.hpp"

namespace c1m::runtime {

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
