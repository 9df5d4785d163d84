// All connections accepted on one processor (the case in which ClickHouse's Silk clumped): how late
// are the slowest echoes? 64 connections, accepted by one coroutine, so that all their coroutines
// begin on its processor; a plain thread sends on all of them and then reads each answer. Every
// 16th echo of each computes for 100 us, four of them in a round. The first argument is the number
// of processors; with the second 1 every connection is pinned where it was accepted, so that
// stealing cannot help. Latencies are from the round's first byte to the answer read, in
// microseconds.
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <benchmark/benchmark.h>

#include "os/assert.hpp"
#include "os/clock.hpp"
#include "os/socket.hpp"
#include "runtime/affinity.hpp"
#include "runtime/runtime.hpp"
#include "runtime/spawn.hpp"
#include "runtime/tcp_listener.hpp"
#include "runtime/tcp_stream.hpp"

namespace c1m::runtime {
namespace {

constexpr int connections = 64;
constexpr int slow_one_in = 16;
constexpr os::Nanoseconds slow_ns = 100 * os::ns_per_us;
using Message = std::array<std::byte, 64>;

void serve(TcpStream& stream, int number, bool pinned) {
  std::optional<ProcessorPin> pin;
  if (pinned) pin.emplace();
  Message message{};
  for (int echoes = number;; ++echoes) {
    const auto got = stream.read(message);
    if (!got || *got == 0) return;
    const os::Nanoseconds until_ns = os::monotonic_ns() + slow_ns;
    while (echoes % slow_one_in == 0 && os::monotonic_ns() < until_ns) {
    }
    if (!stream.write(std::span(message).first(*got))) return;
  }
}

void accept_all(TcpListener& listener, bool pinned) {
  for (int i = 0; i < connections; ++i) {
    auto stream = listener.accept();
    C1M_ASSERT(stream, "the client connects as often");
    const auto spawned =
        spawn([stream = std::move(*stream), i, pinned] mutable { serve(stream, i, pinned); });
    C1M_ASSERT(spawned, "the machine has what this needs");
  }
}

// The plain thread: blocking sockets of its own, one round after another.
class Client {
 public:
  explicit Client(const os::Endpoint& endpoint) {
    for (int i = 0; i < connections; ++i) {
      const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
      const bool connected = ::connect(fd, endpoint.data(), endpoint.size()) == 0;
      C1M_ASSERT(connected, "the listener is there");
      sockets_.emplace_back(fd);
    }
  }

  void round(std::vector<double>& latencies_us) {
    Message message{};
    const os::Nanoseconds begin_ns = os::monotonic_ns();
    for (const os::Descriptor& socket : sockets_) {
      C1M_ASSERT(::send(socket.get(), message.data(), message.size(), 0) == std::ssize(message),
                 "an empty socket takes a message");
    }
    for (const os::Descriptor& socket : sockets_) {
      C1M_ASSERT(
          ::recv(socket.get(), message.data(), message.size(), MSG_WAITALL) == std::ssize(message),
          "every message is echoed");
      latencies_us.push_back(static_cast<double>(os::monotonic_ns() - begin_ns) / 1000);
    }
  }

 private:
  std::vector<os::Descriptor> sockets_;
};

double percentile(const std::vector<double>& sorted, double share) {
  return sorted[static_cast<std::size_t>(share * static_cast<double>(sorted.size() - 1))];
}

void report(benchmark::State& state, std::vector<double> latencies_us, const Runtime& runtime) {
  std::ranges::sort(latencies_us);
  state.counters["p50_us"] = percentile(latencies_us, 0.5);
  state.counters["p99_us"] = percentile(latencies_us, 0.99);
  state.counters["p99.9_us"] = percentile(latencies_us, 0.999);
  state.counters["stolen"] = static_cast<double>(runtime.statistics().stolen);
  state.counters["migrated"] = static_cast<double>(runtime.statistics().migrated);
  state.SetItemsProcessed(state.iterations() * connections);
}

void homed_on_one_processor(benchmark::State& state) {
  auto runtime = Runtime::create({.processors = static_cast<unsigned>(state.range(0))});
  C1M_ASSERT(runtime, "the machine has what this needs");
  auto socket = os::listen_tcp(os::Endpoint::ipv4(INADDR_LOOPBACK, 0), {});
  C1M_ASSERT(socket, "loopback is there");
  const auto endpoint = os::local_endpoint(socket->get());
  const bool pinned = state.range(1) != 0;
  std::thread server([&] {
    const auto ran = (*runtime)->run([&socket, pinned] {
      auto listener = TcpListener::adopt(std::move(*socket));
      C1M_ASSERT(listener, "epoll watches sockets");
      accept_all(*listener, pinned);
    });
    C1M_ASSERT(ran, "the machine has what this needs");
  });
  std::vector<double> latencies_us;
  {
    Client client(*endpoint);
    client.round(latencies_us);  // every connection's coroutine has begun
    latencies_us.clear();
    for ([[maybe_unused]] auto _ : state) client.round(latencies_us);
  }
  server.join();
  report(state, std::move(latencies_us), **runtime);
}
BENCHMARK(homed_on_one_processor)
    ->ArgNames({"processors", "pinned"})
    ->Args({1, 0})
    ->Args({2, 0})
    ->Args({2, 1})
    ->UseRealTime()
    ->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace c1m::runtime
