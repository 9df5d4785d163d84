// What streams have written and io_uring sends with its next poll: it leaves, in order, whatever
// comes in between.
#include "runtime/ring_outbox.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <chrono>
#include <optional>
#include <thread>
#include <vector>

#include "os/limits.hpp"
#include "runtime/blocking.hpp"
#include "runtime/network_fixture.hpp"
#include "runtime/sleep.hpp"
#include "runtime/spawn.hpp"
#include "runtime/yield.hpp"

namespace c1m::runtime {
namespace {

// More than a connection over loopback takes before somebody reads.
constexpr std::size_t more_than_fits = 64 << 20;

// With one processor sends go through the ring, with several they are direct calls.
class RingOutboxTest : public NetworkTest {
 protected:
  [[nodiscard]] static bool sends_later() { return GetParam().processors == 1; }
};
INSTANTIATE_TEST_SUITE_P(Processors, RingOutboxTest,
                         testing::Values(NetworkParam{Poller::io_uring, 1},
                                         NetworkParam{Poller::io_uring, 2}),
                         [](const auto& test) { return std::to_string(test.param.processors); });

// A stream whose peer is a plain socket, at which nobody reads unless the test does.
struct RawPeer {
  TcpStream stream;
  os::Descriptor peer;

  [[nodiscard]] bool has_bytes() const {
    pollfd ready{.fd = peer.get(), .events = POLLIN, .revents = 0};
    return ::poll(&ready, 1, 0) > 0;
  }
};

RawPeer connect_raw(int buffer_bytes = 0) {
  os::ListenOptions options;
  options.socket.receive_buffer_bytes = buffer_bytes;
  auto listening = os::listen_tcp(os::Endpoint::ipv4(INADDR_LOOPBACK, 0), options);
  EXPECT_TRUE(listening);
  os::SocketOptions sending;
  sending.send_buffer_bytes = buffer_bytes;
  auto stream = TcpStream::connect(*os::local_endpoint(listening->get()), sending);
  EXPECT_TRUE(stream);
  return {std::move(*stream),
          std::move(*os::accept_tcp(listening->get(), os::Blocking::yes, options.socket))};
}

// The ring belongs to the thread whose stream has waited first.
void claim_ring(TcpStream& stream) {
  stream.set_read_deadline(now_ns() + os::ns_per_ms);
  EXPECT_EQ(stream.wait_readable().error().code, ETIMEDOUT);
  stream.set_read_deadline(no_deadline);
}

std::vector<std::byte> read_to_end(int socket) {
  std::vector<std::byte> all;
  std::vector<std::byte> buffer(1 << 16);
  for (;;) {
    const ssize_t got = ::recv(socket, buffer.data(), buffer.size(), 0);
    if (got <= 0) return all;
    all.insert(all.end(), buffer.begin(), buffer.begin() + got);
  }
}

TEST_P(RingOutboxTest, AShortMessageLeavesWithTheNextPoll) {
  run([] {
    auto raw = connect_raw();
    claim_ring(raw.stream);
    ASSERT_TRUE(raw.stream.write(numbered_bytes(100, 1)));
    EXPECT_EQ(raw.has_bytes(), !sends_later());
    ASSERT_TRUE(sleep_for(os::ns_per_ms));
    EXPECT_TRUE(raw.has_bytes());
  });
}

TEST_P(RingOutboxTest, MessagesThatAreWrittenBeforeThePollStandInOrder) {
  std::vector<std::byte> sent;
  run([&sent] {
    auto raw = connect_raw();
    claim_ring(raw.stream);
    // Short ones, some that do not fit beside them, and some that fit nowhere.
    for (const std::size_t bytes : {10U, 500U, 1'900U, 1U, 5'000U, 2'048U, 2'049U, 7U}) {
      const auto message = numbered_bytes(bytes, static_cast<unsigned>(bytes));
      ASSERT_EQ(raw.stream.write(message), bytes);
      sent.insert(sent.end(), message.begin(), message.end());
    }
    const std::array parts = {std::span<const std::byte>(sent).first(3),
                              std::span<const std::byte>(sent).subspan(3, 9)};
    ASSERT_EQ(raw.stream.write_parts(parts), 12U);
    ASSERT_EQ(raw.stream.try_write(std::span<const std::byte>(sent).first(5)), 5U);
    for (const std::size_t bytes : {12U, 5U}) {
      const std::vector<std::byte> again(sent.begin(),
                                         sent.begin() + static_cast<std::ptrdiff_t>(bytes));
      sent.insert(sent.end(), again.begin(), again.end());
    }
    ASSERT_TRUE(raw.stream.write(numbered_bytes(3, 0)));
    raw.stream.close();
    const auto last = numbered_bytes(3, 0);
    sent.insert(sent.end(), last.begin(), last.end());
    EXPECT_EQ(read_to_end(raw.peer.get()), sent);
  });
}

TEST_P(RingOutboxTest, AWriterFeelsThatThePeerDoesNotRead) {
  run([] {
    auto pair = connect_pair();
    claim_ring(pair.client);
    constexpr std::size_t message = 700;
    const auto sent = numbered_bytes(more_than_fits / message * message, 5);
    std::atomic<bool> stalled = false;
    std::atomic<std::size_t> written = 0;
    ASSERT_TRUE(spawn([&] {
      for (; written < sent.size(); written += message) {
        pair.client.set_write_deadline(now_ns() + 20 * os::ns_per_ms);
        auto one = pair.client.write(std::span(sent).subspan(written, message));
        if (!one) {
          ASSERT_EQ(one.error().code, ETIMEDOUT);
          stalled = true;
          break;
        }
      }
      pair.client.close();
    }));
    while (!stalled && written < sent.size()) ASSERT_TRUE(sleep_for(os::ns_per_ms));
    ASSERT_TRUE(stalled) << "nobody has read";
    // With direct calls a part of the message that failed may be there as well.
    std::vector<std::byte> got;
    std::vector<std::byte> buffer(1 << 16);
    for (;;) {
      const auto some = pair.server.read(buffer);
      ASSERT_TRUE(some);
      if (*some == 0) break;
      got.insert(got.end(), buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(*some));
    }
    EXPECT_GE(got.size(), written);
    EXPECT_LT(got.size(), written + message);
    EXPECT_TRUE(std::equal(got.begin(), got.end(), sent.begin()));
  });
}

TEST_P(RingOutboxTest, WaitingForRoomGoesOnWhenThePeerReads) {
  run([] {
    auto pair = connect_pair();
    constexpr std::size_t message = 900;
    const auto sent = numbered_bytes(20'000 * message, 9);
    ASSERT_TRUE(spawn([&sent, client = std::move(pair.client)] mutable {
      for (std::size_t at = 0; at < sent.size(); at += message) {
        ASSERT_TRUE(client.write(std::span(sent).subspan(at, message)));
      }
      // The reader reads to the end that this makes, not to that of close().
      ASSERT_TRUE(client.shut_down_write());
      std::array<std::byte, 1> byte{};
      EXPECT_EQ(client.read(byte), 1U);
    }));
    ASSERT_TRUE(sleep_for(20 * os::ns_per_ms));  // until the buffers are full
    std::vector<std::byte> got;
    std::vector<std::byte> buffer(50'000);
    for (;;) {
      const auto some = pair.server.read(buffer);
      ASSERT_TRUE(some);
      if (*some == 0) break;
      got.insert(got.end(), buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(*some));
      if (got.size() % 3 == 0) yield();
    }
    EXPECT_EQ(got, sent);
    ASSERT_TRUE(pair.server.write(std::span(buffer).first(1)));
  });
}

TEST_P(RingOutboxTest, TheEndComesAfterWhatWasWritten) {
  run([] {
    for (const bool closes : {false, true}) {
      auto raw = connect_raw();
      claim_ring(raw.stream);
      const auto sent = numbered_bytes(300, 2);
      ASSERT_TRUE(raw.stream.write(sent));
      if (closes) {
        raw.stream.close();
      } else {
        ASSERT_TRUE(raw.stream.shut_down_write());
      }
      EXPECT_EQ(read_to_end(raw.peer.get()), sent);
    }
  });
}

// Fills the buffers until a message finds no room; returns how much was taken.
std::size_t write_until_full(TcpStream& stream, std::size_t message) {
  const auto bytes = numbered_bytes(message, 0);
  std::size_t taken = 0;
  for (;;) {
    stream.set_write_deadline(now_ns() + 5 * os::ns_per_ms);
    const auto written = stream.write(bytes);
    if (!written) {
      EXPECT_EQ(written.error().code, ETIMEDOUT);
      return taken;
    }
    taken += *written;
    yield();
  }
}

TEST_P(RingOutboxTest, AClosedStreamStillSendsWhatItHadTaken) {
  std::size_t taken = 0;
  run([&taken] {
    auto raw = connect_raw(4096);
    claim_ring(raw.stream);
    taken = write_until_full(raw.stream, 1'000);
    raw.stream.close();
    std::vector<std::byte> got;
    std::atomic<bool> ended = false;
    ASSERT_TRUE(spawn([&got, &ended, peer = raw.peer.get()] {
      blocking([&got, peer] { got = read_to_end(peer); });
      ended.store(true);
    }));
    while (!ended.load()) ASSERT_TRUE(sleep_for(os::ns_per_ms));
    EXPECT_GE(got.size(), taken);
    EXPECT_LT(got.size(), taken + 1'000);
  });
}

TEST_P(RingOutboxTest, AnEndThatWaitsForRoomComesToo) {
  run([] {
    auto raw = connect_raw(4096);
    claim_ring(raw.stream);
    const std::size_t taken = write_until_full(raw.stream, 1'000);
    ASSERT_TRUE(raw.stream.shut_down_write());
    std::size_t got = 0;
    for (int tries = 0; tries < 1000; ++tries) {
      std::array<std::byte, 4096> buffer{};
      const ssize_t some = ::recv(raw.peer.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
      if (some == 0) break;
      if (some > 0) got += static_cast<std::size_t>(some);
      ASSERT_TRUE(sleep_for(os::ns_per_ms));
      ASSERT_LT(tries, 999) << "no end came";
    }
    EXPECT_GE(got, taken);
  });
}

TEST_P(RingOutboxTest, APeerThatHasGoneIsNoticedByAWriter) {
  run([] {
    auto raw = connect_raw();
    claim_ring(raw.stream);
    ASSERT_TRUE(os::reset_on_close(raw.peer.get()));
    raw.peer.reset();
    int written = 0;
    os::Result<std::size_t> outcome = 0;
    for (; written < 100 && outcome; ++written) {
      outcome = raw.stream.write(numbered_bytes(10, 1));
      ASSERT_TRUE(sleep_for(os::ns_per_ms / 10));
    }
    EXPECT_FALSE(outcome) << "a hundred messages were taken for nobody";
  });
}

TEST_P(RingOutboxTest, WhatWasWrittenBeforeABlockingCallLeavesDuringIt) {
  run([] {
    auto raw = connect_raw();
    claim_ring(raw.stream);
    ASSERT_TRUE(raw.stream.write(numbered_bytes(100, 1)));
    std::size_t got = 0;
    blocking([&raw, &got] {
      std::array<std::byte, 100> bytes{};
      got = static_cast<std::size_t>(::recv(raw.peer.get(), bytes.data(), bytes.size(), 0));
    });
    EXPECT_EQ(got, 100U);
  });
}

TEST_P(RingOutboxTest, WhatWasWrittenLastLeavesWithTheRun) {
  std::optional<RawPeer> raw;
  run([&raw] {
    raw.emplace(connect_raw());
    claim_ring(raw->stream);
    ASSERT_TRUE(raw->stream.write(numbered_bytes(100, 1)));
  });
  EXPECT_TRUE(raw->has_bytes());
  run([&raw] { raw.reset(); });
}

// A peer that is slow, and a run whose last coroutine closes its stream: the end of the run waits.
TEST_P(RingOutboxTest, TheEndOfARunWaitsForWhatAClosedStreamHadTaken) {
  os::Descriptor peer;
  std::size_t taken = 0;
  std::vector<std::byte> got;
  std::thread reader;
  run([&] {
    auto raw = connect_raw(4096);
    claim_ring(raw.stream);
    taken = write_until_full(raw.stream, 1'000);
    peer = std::move(raw.peer);
    reader = std::thread([&got, &peer] {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      got = read_to_end(peer.get());
    });
  });
  reader.join();
  EXPECT_GE(got.size(), taken);
  EXPECT_LT(got.size(), taken + 1'000);
}

TEST_P(RingOutboxTest, AThreadAfterTheRingsThreadIsAnotherOne) {
  std::optional<RawPeer> raw;
  // The C library gives the second thread the memory, and so the name, of the first.
  for (int runs = 0; runs < 3; ++runs) {
    std::thread([this, &raw, runs] {
      run([&raw, runs] {
        if (runs == 0) {
          raw.emplace(connect_raw());
          claim_ring(raw->stream);
        }
        ASSERT_TRUE(raw->stream.write(numbered_bytes(10, 1)));
        if (runs == 2) raw->stream.close();
      });
    }).join();
  }
  EXPECT_EQ(read_to_end(raw->peer.get()).size(), 30U);
  run([&raw] { raw.reset(); });
}

TEST_P(RingOutboxTest, AThousandStreamsAreServed) {
  run([this] {
    constexpr std::size_t streams = RingOutbox::places_max + 8;
    const auto limit = os::raise_descriptor_limit();
    if (!limit || *limit < 2 * streams + 100) GTEST_SKIP() << "too few descriptors are allowed";
    std::vector<RawPeer> all;
    all.reserve(streams);
    for (std::size_t i = 0; i < streams; ++i) all.push_back(connect_raw());
    claim_ring(all.front().stream);
    for (int round = 0; round < 20; ++round) {
      for (RawPeer& each : all) ASSERT_TRUE(each.stream.write(numbered_bytes(10, 1)));
      if (round % 5 == 4) yield();
    }
    // A poll settles some of the sends only, and a stream ends when its last one is settled.
    do {
      ASSERT_TRUE(sleep_for(os::ns_per_ms));
    } while (runtime().statistics().ring_streams_to_send > 0);
    for (RawPeer& each : all) {
      each.stream.close();
      EXPECT_EQ(read_to_end(each.peer.get()).size(), 200U);
    }
  });
}

TEST(RingOutbox, WhenAllPlacesAreTakenAStreamSendsByItself) {
  auto outbox = RingOutbox::create();
  ASSERT_TRUE(outbox);
  std::vector<PollDescriptor> states(RingOutbox::places_max + 1);
  const auto bytes = numbered_bytes(10, 1);
  for (std::uint32_t i = 0; i < RingOutbox::places_max; ++i) {
    ASSERT_EQ(outbox->put(states[i], bytes), Outgoing::taken);
  }
  EXPECT_EQ(outbox->put(states.back(), bytes), Outgoing::must_send);
  EXPECT_EQ(outbox->put(states.front(), bytes), Outgoing::taken) << "beside what is there";
  EXPECT_EQ(outbox->places_taken(), RingOutbox::places_max);
}

}  // namespace
}  // namespace c1m::runtime
