// What only io_uring can get wrong: bytes that stand in shared buffers, requests that hold sockets
// open, and a ring that belongs to one thread.
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <optional>
#include <thread>
#include <vector>

#include "runtime/blocking.hpp"
#include "runtime/network_fixture.hpp"
#include "runtime/sleep.hpp"
#include "runtime/spawn.hpp"
#include "runtime/yield.hpp"

namespace c1m::runtime {
namespace {

class RingPollerTest : public NetworkTest {
 protected:
  // So few and small buffers that they are always wanting.
  void want_buffers() {
    set_up({.processors = GetParam().processors,
            .stack_bytes = stack_bytes,
            .poller = Poller::io_uring,
            .ring_buffers = 4,
            .ring_buffer_bytes = 16});
  }
};
INSTANTIATE_TEST_SUITE_P(Processors, RingPollerTest,
                         testing::Values(NetworkParam{Poller::io_uring, 1},
                                         NetworkParam{Poller::io_uring, 2},
                                         NetworkParam{Poller::io_uring, 4}),
                         [](const auto& test) { return std::to_string(test.param.processors); });

// Reads exactly `count` bytes, in steps of 7.
std::vector<std::byte> read_exactly(TcpStream& stream, std::size_t count) {
  std::vector<std::byte> all;
  std::array<std::byte, 7> buffer{};
  while (all.size() < count) {
    const auto got = stream.read(std::span(buffer).first(std::min(count - all.size(), 7UL)));
    EXPECT_TRUE(got && *got > 0);
    if (!got || *got == 0) break;
    all.insert(all.end(), buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(*got));
  }
  return all;
}

TEST_P(RingPollerTest, BytesKeepTheirOrderWhenBuffersAreWanting) {
  want_buffers();
  constexpr int streams = 20;
  constexpr std::size_t bytes = 5000;
  std::atomic<int> right = 0;
  run([&right] {
    for (unsigned i = 0; i < streams; ++i) {
      auto pair = connect_pair();
      ASSERT_TRUE(spawn([i, stream = std::move(pair.client)] mutable {
        const auto sent = numbered_bytes(bytes, i);
        for (std::size_t at = 0; at < bytes; at += 100) {
          ASSERT_TRUE(stream.write(std::span(sent).subspan(at, 100)));
          if (at % 700 == 0) yield();
        }
      }));
      ASSERT_TRUE(spawn([i, &right, stream = std::move(pair.server)] mutable {
        if (read_exactly(stream, bytes) == numbered_bytes(bytes, i)) right.fetch_add(1);
        std::array<std::byte, 1> end{};
        EXPECT_EQ(stream.read(end), 0U);
      }));
    }
  });
  EXPECT_EQ(right.load(), streams);
}

TEST_P(RingPollerTest, AStreamThatNobodyReadsLeavesBuffersToOthers) {
  run([this] {
    auto flooded = connect_pair();
    auto other = connect_pair();
    // The reader has waited once, so the kernel receives for it; from then on it does not read.
    ASSERT_TRUE(flooded.client.write(numbered_bytes(10, 1)));
    ASSERT_TRUE(flooded.server.wait_readable());
    flooded.client.set_write_deadline(now_ns() + 50 * os::ns_per_ms);
    ASSERT_FALSE(flooded.client.write(numbered_bytes(64 << 20, 1)));
    if (GetParam().processors == 1) {
      // With a ring of all threads the kernel receives without waiting for the poller.
      EXPECT_LT(runtime().statistics().ring_buffers_held, 256U) << "of 2,048";
    }
    std::array<std::byte, 10> bytes{};
    for (int i = 0; i < 10; ++i) {
      ASSERT_TRUE(other.client.write(bytes));
      EXPECT_EQ(other.server.read(bytes), bytes.size());
    }
  });
}

TEST_P(RingPollerTest, UnreadBuffersComeBackWhenTheStreamIsClosed) {
  run([this] {
    for (int i = 0; i < 30; ++i) {
      auto pair = connect_pair();
      ASSERT_TRUE(pair.client.write(numbered_bytes(5000, 1)));
      ASSERT_TRUE(pair.server.wait_readable());
      if (i % 2 == 0) continue;
      pair.server.close();
      ASSERT_FALSE(pair.server.wait_readable());
    }
    EXPECT_EQ(runtime().statistics().ring_buffers_held, 0U);
  });
}

TEST_P(RingPollerTest, ThePeerSeesTheEndAlthoughTheRuntimeRunsNoMore) {
  os::Descriptor peer;
  run([&peer] {
    auto listening = os::listen_tcp(os::Endpoint::ipv4(INADDR_LOOPBACK, 0), {});
    auto stream = TcpStream::connect(*os::local_endpoint(listening->get()));
    ASSERT_TRUE(stream);
    peer = std::move(*os::accept_tcp(listening->get(), os::Blocking::yes, {}));
    // A wait that arms the receive, which would hold the socket open.
    stream->set_read_deadline(now_ns() + os::ns_per_ms);
    EXPECT_EQ(stream->wait_readable().error().code, ETIMEDOUT);
  });
  std::array<std::byte, 1> byte{};
  EXPECT_EQ(os::read_some(peer.get(), byte), 0U);
}

TEST_P(RingPollerTest, AnErrorIsToldOnceAndAfterTheBytes) {
  run([] {
    auto pair = connect_pair();
    const std::array<std::byte, 3> bytes{};
    ASSERT_TRUE(pair.client.write(bytes));
    ASSERT_TRUE(pair.server.wait_readable());
    // Closing with unread bytes resets the connection.
    ASSERT_TRUE(pair.server.write(bytes));
    ASSERT_TRUE(pair.client.wait_readable());
    ASSERT_TRUE(sleep_for(os::ns_per_ms));
    std::array<std::byte, 8> buffer{};
    EXPECT_EQ(pair.server.read(buffer), 3U);
    EXPECT_EQ(pair.client.read(buffer), 3U);
    pair.client.close();
    EXPECT_EQ(pair.server.read(buffer), 0U);
    EXPECT_EQ(pair.server.read(buffer), 0U) << "the end stays the end";
  });
}

// --- a ring of one thread ------------------------------------------------------------------------

// Echoes through both ends of a pair.
void expect_echo(StreamPair& pair, unsigned seed) {
  const auto sent = numbered_bytes(300, seed);
  ASSERT_TRUE(pair.client.write(sent));
  EXPECT_EQ(read_exactly(pair.server, sent.size()), sent);
}

TEST_P(RingPollerTest, ABlockingCallLeavesTheNetworkToAnotherThread) {
  std::atomic<int> echoes = 0;
  std::atomic<bool> blocked = false;
  std::atomic<bool> release = false;  // read by the call after the first coroutine has ended
  run([&, this] {
    auto pair = connect_pair();
    expect_echo(pair, 1);
    ASSERT_TRUE(spawn([&] {
      blocking([&] {
        blocked.store(true);
        while (!release.load()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
      });
    }));
    while (!blocked.load()) yield();
    // Each sleep needs the poller, whose first thread is in the call.
    for (unsigned i = 0; i < 20; ++i) {
      ASSERT_TRUE(sleep_for(os::ns_per_ms));
      expect_echo(pair, i);
      echoes.fetch_add(1);
    }
    EXPECT_EQ(runtime().statistics().rings_changed, GetParam().processors == 1 ? 1U : 0U);
    release.store(true);
  });
  EXPECT_EQ(echoes.load(), 20);
}

TEST_P(RingPollerTest, WaitersOfTheFirstThreadsRingAreServedByTheNext) {
  constexpr int waiters = 100;
  std::atomic<int> served = 0;
  run([&served] {
    std::vector<StreamPair> pairs;
    pairs.reserve(waiters);
    std::atomic<int> waiting = 0;
    for (int i = 0; i < waiters; ++i) pairs.push_back(connect_pair());
    for (StreamPair& pair : pairs) {
      ASSERT_TRUE(spawn([&served, &waiting, &pair] {
        std::array<std::byte, 4> bytes{};
        waiting.fetch_add(1);
        EXPECT_EQ(pair.server.read(bytes), bytes.size());
        served.fetch_add(1);
      }));
    }
    while (waiting.load() < waiters) yield();
    // Half of them have their bytes before the thread is gone, the others afterwards.
    const std::array<std::byte, 4> bytes{};
    for (int i = 0; i < waiters / 2; ++i) {
      ASSERT_TRUE(pairs[static_cast<std::size_t>(i)].client.write(bytes));
    }
    ASSERT_TRUE(spawn([&served] {
      blocking([&served] {
        while (served.load() < waiters) std::this_thread::sleep_for(std::chrono::milliseconds(1));
      });
    }));
    yield();
    for (int i = waiters / 2; i < waiters; ++i) {
      ASSERT_TRUE(pairs[static_cast<std::size_t>(i)].client.write(bytes));
    }
    while (served.load() < waiters) ASSERT_TRUE(sleep_for(os::ns_per_ms));
  });
  EXPECT_EQ(served.load(), waiters);
}

TEST_P(RingPollerTest, StreamsOutliveARunAndGoOnInOneOfAnotherThread) {
  std::optional<StreamPair> pair;
  run([&pair] {
    pair.emplace(connect_pair());
    expect_echo(*pair, 1);
    ASSERT_TRUE(pair->client.write(numbered_bytes(40, 2)));
    ASSERT_TRUE(pair->server.wait_readable());
    std::array<std::byte, 10> some{};
    EXPECT_EQ(pair->server.read(some), some.size());
  });
  std::thread([this, &pair] {
    run([&pair] {
      const auto bytes = numbered_bytes(40, 2);
      EXPECT_EQ(read_exactly(pair->server, 30),
                std::vector<std::byte>(bytes.begin() + 10, bytes.end()));
      expect_echo(*pair, 3);
      pair.reset();
    });
  }).join();
}

TEST_P(RingPollerTest, RefusesBuffersThatTheKernelCannotTake) {
  for (const auto& [buffers, bytes] : std::initializer_list<std::pair<std::size_t, std::size_t>>{
           {3, 16}, {65'536, 16}, {4, 0}, {4, 65'536}, {0, 16}}) {
    const auto refused = Runtime::create(
        {.poller = Poller::io_uring, .ring_buffers = buffers, .ring_buffer_bytes = bytes});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, EINVAL);
  }
}

}  // namespace
}  // namespace c1m::runtime
