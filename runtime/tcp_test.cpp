// Streams and listeners on real sockets: every byte arrives, the end of a stream is seen, and
// nothing is asked of the kernel in vain.
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <vector>

#include "os/clock.hpp"
#include "os/socket.hpp"
#include "runtime/network_fixture.hpp"
#include "runtime/sleep.hpp"
#include "runtime/spawn.hpp"
#include "runtime/tcp_listener.hpp"
#include "runtime/tcp_stream.hpp"
#include "runtime/yield.hpp"

namespace c1m::runtime {
namespace {

// Reads until the end of the stream.
std::vector<std::byte> read_all(TcpStream& stream, std::size_t step) {
  std::vector<std::byte> all;
  std::vector<std::byte> buffer(step);
  for (;;) {
    const auto got = stream.read(buffer);
    EXPECT_TRUE(got) << os::describe(got.error());
    if (!got || *got == 0) return all;
    all.insert(all.end(), buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(*got));
  }
}

void echo_until_end(TcpStream stream) {
  std::array<std::byte, 512> buffer;
  for (;;) {
    const auto got = stream.read(buffer);
    ASSERT_TRUE(got) << os::describe(got.error());
    if (*got == 0) return;
    ASSERT_TRUE(stream.write(std::span(buffer).first(*got)));
  }
}

class TcpTest : public NetworkTest {};
C1M_FOR_ALL_POLLERS(TcpTest);

TEST_P(TcpTest, EchoesOverManyConnectionsByteByByte) {
  constexpr int connections = C1M_TSAN ? 40 : 200;
  constexpr int rounds = 20;
  std::atomic<int> right = 0;
  run([&right] {
    auto [listener, endpoint] = listen();
    ASSERT_TRUE(spawn([listening = std::move(listener)] mutable {
      for (int i = 0; i < connections; ++i) {
        auto accepted = listening.accept();
        ASSERT_TRUE(accepted);
        ASSERT_TRUE(
            spawn([stream = std::move(*accepted)] mutable { echo_until_end(std::move(stream)); }));
      }
    }));
    for (int i = 0; i < connections; ++i) {
      ASSERT_TRUE(spawn([&right, endpoint, i] {
        auto stream = TcpStream::connect(endpoint);
        ASSERT_TRUE(stream) << os::describe(stream.error());
        for (int round = 0; round < rounds; ++round) {
          const auto sent = numbered_bytes(64, static_cast<unsigned>(i * rounds + round) * 7);
          ASSERT_TRUE(stream->write(sent));
          std::array<std::byte, 64> answer{};
          std::size_t have = 0;
          while (have < answer.size()) {
            const auto got = stream->read(std::span(answer).subspan(have));
            ASSERT_TRUE(got && *got > 0);
            have += *got;
          }
          if (std::ranges::equal(answer, sent)) right.fetch_add(1);
        }
      }));
    }
  });
  EXPECT_EQ(right.load(), connections * rounds);
}

TEST_P(TcpTest, AWriteLargerThanTheBuffersArrivesWholeAndParksTheWriter) {
  const auto sent = numbered_bytes(8 << 20, 5);
  std::vector<std::byte> received;
  run([&] {
    auto pair = connect_pair();
    ASSERT_TRUE(spawn([&sent, stream = std::move(pair.client)] mutable {
      EXPECT_EQ(stream.write(sent), sent.size());
    }));
    ASSERT_TRUE(sleep_for(os::ns_per_ms));
    received = read_all(pair.server, 10'000);
  });
  EXPECT_EQ(received, sent);
}

TEST_P(TcpTest, PartsArriveOneAfterAnotherThroughATinySendBuffer) {
  // Empty ones, more than one call takes, and some larger than the buffer.
  const auto bytes = numbered_bytes(300'000, 11);
  std::vector<std::span<const std::byte>> parts;
  std::size_t total = 0;
  for (std::size_t i = 0; total < bytes.size(); ++i) {
    const std::size_t wanted = i % 5 == 0 ? 0 : i == 7 ? 100'000 : (i * 37) % 1000;
    const std::size_t size = std::min(wanted, bytes.size() - total);
    parts.push_back(std::span(bytes).subspan(total, size));
    total += size;
  }
  ASSERT_GT(parts.size(), os::parts_max);
  std::vector<std::byte> received;
  run([&] {
    auto [listener, endpoint] = listen();
    auto client = TcpStream::connect(endpoint, {.send_buffer_bytes = 4096});
    auto server = listener.accept();
    ASSERT_TRUE(client && server);
    ASSERT_TRUE(spawn([&parts, total, stream = std::move(*client)] mutable {
      EXPECT_EQ(stream.write_parts(parts), total);
      EXPECT_EQ(stream.write_parts({}), 0U);
    }));
    received = read_all(*server, 3000);
  });
  EXPECT_EQ(received, bytes);
}

TEST_P(TcpTest, TheEndOfTheStreamIsSeenAfterAShortRead) {
  // Data and FIN come as one edge; the short read of the data must not hide the end.
  for (int round = 0; round < 50; ++round) {
    run([] {
      auto pair = connect_pair();
      const std::array<std::byte, 10> some{};
      ASSERT_TRUE(pair.client.write(some));
      pair.client.close();
      EXPECT_EQ(read_all(pair.server, 4096).size(), some.size());
    });
  }
}

TEST_P(TcpTest, AHalfClosedConnectionStillCarriesTheAnswer) {
  const auto request = numbered_bytes(100'000, 1);
  run([&request] {
    auto pair = connect_pair();
    ASSERT_TRUE(spawn([stream = std::move(pair.server)] mutable {
      const auto all = read_all(stream, 1000);
      // The peer has closed its side already, and reads slowly: this writer must park, not spin.
      ASSERT_TRUE(stream.write(all));
      ASSERT_TRUE(stream.shut_down_write());
    }));
    ASSERT_TRUE(pair.client.write(request));
    ASSERT_TRUE(pair.client.shut_down_write());
    EXPECT_EQ(read_all(pair.client, 777), request);
  });
}

TEST_P(TcpTest, AWriterToASlowReaderThatHasHalfClosedParks) {
  run([this] {
    auto pair = connect_pair();
    ASSERT_TRUE(pair.client.shut_down_write());
    const auto bytes = numbered_bytes(8 << 20, 3);
    std::atomic<bool> written = false;
    ASSERT_TRUE(spawn([&pair, &bytes, &written] {
      EXPECT_EQ(pair.server.write(bytes), bytes.size());
      written.store(true);
    }));
    ASSERT_TRUE(sleep_for(10 * os::ns_per_ms));
    const std::uint64_t resumed = runtime().statistics().resumed;
    ASSERT_TRUE(sleep_for(20 * os::ns_per_ms));
    EXPECT_LT(runtime().statistics().resumed - resumed, 10U) << "the writer spins";
    std::vector<std::byte> buffer(1 << 20);
    for (std::size_t have = 0; have < bytes.size();) {
      const auto got = pair.client.read(buffer);
      ASSERT_TRUE(got && *got > 0);
      have += *got;
    }
    while (!written.load()) yield();
  });
}

TEST_P(TcpTest, AReaderAndAWriterOfOneStreamWaitIndependently) {
  const auto there = numbered_bytes(3 << 20, 1);
  const auto back = numbered_bytes(3 << 20, 2);
  std::vector<std::byte> got_there;
  std::vector<std::byte> got_back;
  run([&] {
    auto pair = connect_pair();
    std::atomic<int> done = 0;
    const auto both = [&done](TcpStream& stream, const auto& out, auto& in) {
      ASSERT_TRUE(spawn([&] {
        EXPECT_TRUE(stream.write(out));
        EXPECT_TRUE(stream.shut_down_write());
        done.fetch_add(1);
      }));
      ASSERT_TRUE(spawn([&] {
        in = read_all(stream, 5000);
        done.fetch_add(1);
      }));
    };
    both(pair.client, there, got_back);
    both(pair.server, back, got_there);
    while (done.load() < 4) ASSERT_TRUE(sleep_for(os::ns_per_ms));
  });
  EXPECT_EQ(got_there, there);
  EXPECT_EQ(got_back, back);
}

TEST_P(TcpTest, ASteadyEchoMakesNoCallInVain) {
  if (GetParam().processors != 1) GTEST_SKIP() << "counts are exact with one processor only";
  constexpr int rounds = 100;
  int reads_in_vain = 0;
  run([this, &reads_in_vain] {
    auto pair = connect_pair();
    ASSERT_TRUE(spawn([&reads_in_vain, stream = std::move(pair.server)] mutable {
      std::array<std::byte, 512> buffer;
      for (;;) {
        ASSERT_TRUE(stream.wait_readable());
        const auto got = stream.try_read(buffer);
        if (!got) {
          ++reads_in_vain;
          continue;
        }
        if (*got == 0) return;
        ASSERT_TRUE(stream.write(std::span(buffer).first(*got)));
      }
    }));
    std::array<std::byte, 64> message{};
    ASSERT_TRUE(pair.client.write(message));
    ASSERT_TRUE(pair.client.read(message));
    const RuntimeStatistics before = runtime().statistics();
    for (int i = 0; i < rounds; ++i) {
      ASSERT_TRUE(pair.client.write(message));
      ASSERT_EQ(pair.client.read(message), message.size());
    }
    const RuntimeStatistics after = runtime().statistics();
    // Each side parks once and is resumed once a round; a poll brings each resume, and a few more
    // come from the look at the network every 61 resumes.
    EXPECT_EQ(after.parked - before.parked, 2U * rounds);
    EXPECT_LE(after.polls - before.polls, 2U * rounds + 2U * rounds / 61 + 2);
  });
  EXPECT_EQ(reads_in_vain, 0);
}

TEST_P(TcpTest, AnIdleConnectionNeedsNoBuffer) {
  run([] {
    auto pair = connect_pair();
    ASSERT_TRUE(spawn([stream = std::move(pair.server)] mutable {
      std::size_t total = 0;
      for (;;) {
        ASSERT_TRUE(stream.wait_readable());
        std::array<std::byte, 16> borrowed;
        const auto got = stream.try_read(borrowed);
        if (!got && os::would_block(got.error())) continue;
        ASSERT_TRUE(got);
        if (*got == 0) break;
        total += *got;
      }
      EXPECT_EQ(total, 1000U);
    }));
    for (int i = 0; i < 10; ++i) {
      ASSERT_TRUE(pair.client.write(numbered_bytes(100, 9)));
      yield();
    }
    const auto nothing = pair.client.try_read(std::as_writable_bytes(std::span<char>{}));
    EXPECT_TRUE(!nothing || *nothing == 0);
  });
}

TEST_P(TcpTest, LastWordsCanBeSentAfterTheStop) {
  run([this] {
    auto pair = connect_pair();
    const std::array words{std::byte{1}, std::byte{2}};
    runtime().stop();
    const auto written = pair.client.write(words);
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().code, ECANCELED);
    EXPECT_EQ(pair.client.try_write(words), words.size());
  });
}

TEST_P(TcpTest, TryWriteTakesWhatFitsAndDoesNotWait) {
  run([] {
    auto pair = connect_pair();
    const auto block = numbered_bytes(1 << 20, 3);
    os::Result<std::size_t> sent = 0;
    std::size_t total = 0;
    while (sent) {
      sent = pair.client.try_write(block);
      total += sent.value_or(0);
    }
    EXPECT_TRUE(os::would_block(sent.error()));
    ASSERT_TRUE(pair.client.shut_down_write());
    EXPECT_EQ(read_all(pair.server, 100'000).size(), total);
  });
}

TEST_P(TcpTest, ConnectToAPortWithoutListenerFails) {
  run([] {
    os::Endpoint endpoint;
    {
      const auto gone = listen();
      endpoint = gone.endpoint;
    }
    const auto stream = TcpStream::connect(endpoint);
    ASSERT_FALSE(stream);
    EXPECT_EQ(stream.error().code, ECONNREFUSED);
  });
}

TEST_P(TcpTest, AResetIsAnErrorOfTheRead) {
  run([] {
    std::array<int, 1> unused{};
    auto listening = os::listen_tcp(os::Endpoint::ipv4(INADDR_LOOPBACK, 0), {});
    auto client = TcpStream::connect(*os::local_endpoint(listening->get()));
    ASSERT_TRUE(client);
    auto peer = os::accept_tcp(listening->get(), os::Blocking::no, {});
    ASSERT_TRUE(peer);
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    ASSERT_EQ(::setsockopt(peer->get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
    peer->reset();
    const auto got = client->read(std::as_writable_bytes(std::span(unused)));
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().code, ECONNRESET);
  });
}

}  // namespace
}  // namespace c1m::runtime
