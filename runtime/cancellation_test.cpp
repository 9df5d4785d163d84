// Whatever may wait ends when its context is cancelled, and leaves nothing behind.
#include "runtime/cancellation.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "runtime/network_fixture.hpp"
#include "runtime/sleep.hpp"
#include "runtime/spawn.hpp"
#include "runtime/yield.hpp"

namespace c1m::runtime {
namespace {

constexpr os::Nanoseconds hour_ns = 3600 * os::ns_per_s;

class CancellationTest : public NetworkTest {};
C1M_FOR_ALL_POLLERS(CancellationTest);

// Runs `wait` in a coroutine of its own and cancels it once it has parked.
template <class Wait>
void expect_cancelled(Wait wait) {
  const CancelSource source;
  std::atomic<bool> ended = false;
  ASSERT_TRUE(spawn([&] {
    const auto result = wait(source.context());
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, ECANCELED);
    // And what begins afterwards.
    const auto again = wait(source.context());
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().code, ECANCELED);
    ended.store(true);
  }));
  ASSERT_TRUE(sleep_for(os::ns_per_ms));
  EXPECT_FALSE(ended.load());
  source.cancel();
  while (!ended.load()) yield();
}

TEST_P(CancellationTest, EndsReadsWritesAcceptsAndSleeps) {
  run([] {
    auto pair = connect_pair();
    std::array<std::byte, 8> buffer{};
    expect_cancelled([&](const Context& context) { return pair.server.read(buffer, context); });
    expect_cancelled([&](const Context& context) { return pair.server.wait_readable(context); });
    const auto much = numbered_bytes(16 << 20, 1);
    expect_cancelled([&](const Context& context) { return pair.client.write(much, context); });
    const std::array<std::span<const std::byte>, 2> parts{much, much};
    expect_cancelled(
        [&](const Context& context) { return pair.client.write_parts(parts, context); });
    auto [listener, endpoint] = listen();
    expect_cancelled([&](const Context& context) { return listener.accept(context); });
    expect_cancelled([&](const Context& context) { return sleep_for(hour_ns, context); });
  });
}

TEST_P(CancellationTest, EndsAConnectThatNobodyAnswers) {
  run([] {
    // A backlog that is full: the kernel drops what comes beyond it.
    auto listening =
        os::listen_tcp(os::Endpoint::ipv4(INADDR_LOOPBACK, 0), {.backlog = 0, .socket = {}});
    const os::Endpoint endpoint = *os::local_endpoint(listening->get());
    std::vector<TcpStream> filling;
    for (int i = 0; i < 4; ++i) {
      auto stream = TcpStream::connect(endpoint, {}, now_ns() + 20 * os::ns_per_ms);
      if (!stream) break;
      filling.push_back(std::move(*stream));
    }
    ASSERT_LT(filling.size(), 4U);
    expect_cancelled([&](const Context& context) {
      return TcpStream::connect(endpoint, {}, no_deadline, context);
    });
  });
}

TEST_P(CancellationTest, EndsManyWaitsFromAnotherThread) {
  constexpr int waiters = C1M_TSAN ? 200 : 1000;
  const CancelSource source;
  std::atomic<int> waiting = 0;
  std::atomic<int> cancelled = 0;
  std::thread canceller([&] {
    while (waiting.load() < waiters) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    source.cancel();
  });
  run([&] {
    for (int i = 0; i < waiters; ++i) {
      ASSERT_TRUE(spawn([&] {
        waiting.fetch_add(1);
        const auto slept = sleep_for(hour_ns, source.context());
        ASSERT_FALSE(slept);
        EXPECT_EQ(slept.error().code, ECANCELED);
        cancelled.fetch_add(1);
      }));
    }
  });
  canceller.join();
  EXPECT_EQ(cancelled.load(), waiters);
}

TEST_P(CancellationTest, RacingWithDataAndDeadlinesLosesNoByteAndNoWaiter) {
  constexpr int rounds = C1M_TSAN ? 100 : 600;
  int received = 0;
  std::atomic<int> written = 0;
  run([&received, &written] {
    auto pair = connect_pair();
    std::optional<CancelSource> source(std::in_place);
    for (int i = 0; i < rounds; ++i) {
      while (written.load() < i) yield();  // one writer at a time
      ASSERT_TRUE(spawn([&pair, &written, cancelling = *source] {
        const std::array<std::byte, 1> byte{};
        ASSERT_TRUE(pair.client.write(byte));
        cancelling.cancel();
        written.fetch_add(1);
      }));
      if (i % 3 == 0) yield();
      if (i % 4 == 0) pair.server.set_read_deadline(now_ns() + i % 50 * os::ns_per_us);
      std::array<std::byte, 1> byte{};
      if (pair.server.read(byte, source->context())) ++received;
      pair.server.set_read_deadline(no_deadline);
      source.emplace();
    }
    while (received < rounds) {
      std::array<std::byte, 1> byte{};
      ASSERT_TRUE(pair.server.read(byte));
      ++received;
    }
    while (written.load() < rounds) yield();  // the writers use the pair
  });
  EXPECT_EQ(received, rounds);
}

TEST_P(CancellationTest, AContextMayOutliveItsSourceAndTheRuntime) {
  std::optional<CancelSource> source(std::in_place);
  const Context context = source->context();
  run([&] {
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(sleep_for(os::ns_per_us, context));
    source.reset();
    EXPECT_TRUE(sleep_for(os::ns_per_us, context));
  });
  EXPECT_FALSE(context.is_cancelled());
  EXPECT_FALSE(background.is_cancelled());
}

}  // namespace
}  // namespace c1m::runtime
