// Every wait for a descriptor ends: by an edge, a deadline, close or stop; and a closed number is
// in nobody's hands.
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

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

class PollableTest : public NetworkTest {};
C1M_FOR_ALL_POLLERS(PollableTest);

// --- deadlines -----------------------------------------------------------------------------------

TEST_P(PollableTest, ReadsAcceptsAndConnectsEndAtTheirDeadline) {
  run([] {
    auto pair = connect_pair();
    std::array<std::byte, 8> buffer{};
    for (int i = 0; i < 3; ++i) {
      const os::Nanoseconds deadline_ns = os::monotonic_ns() + 2 * os::ns_per_ms;
      pair.server.set_read_deadline(deadline_ns);
      const auto got = pair.server.read(buffer);
      ASSERT_FALSE(got);
      EXPECT_EQ(got.error().code, ETIMEDOUT);
      EXPECT_GE(os::monotonic_ns(), deadline_ns);
    }
    pair.server.set_read_deadline(no_deadline);
    ASSERT_TRUE(pair.client.write(buffer));
    EXPECT_EQ(pair.server.read(buffer), buffer.size()) << "a deadline taken back has no effect";

    auto [listener, endpoint] = listen();
    listener.set_deadline(os::monotonic_ns() + os::ns_per_ms);
    const auto accepted = listener.accept();
    ASSERT_FALSE(accepted);
    EXPECT_EQ(accepted.error().code, ETIMEDOUT);
  });
}

TEST_P(PollableTest, AWriteEndsAtItsDeadline) {
  run([] {
    auto pair = connect_pair();
    pair.client.set_write_deadline(os::monotonic_ns() + 5 * os::ns_per_ms);
    const auto sent = pair.client.write(numbered_bytes(64 << 20, 1));
    ASSERT_FALSE(sent);
    EXPECT_EQ(sent.error().code, ETIMEDOUT);
  });
}

TEST_P(PollableTest, ADeadlineSetBesideAWaitEndsIt) {
  run([] {
    auto pair = connect_pair();
    std::atomic<bool> ended = false;
    ASSERT_TRUE(spawn([&] {
      std::array<std::byte, 8> buffer{};
      const auto got = pair.server.read(buffer);
      ASSERT_FALSE(got);
      EXPECT_EQ(got.error().code, ETIMEDOUT);
      ended.store(true);
    }));
    ASSERT_TRUE(sleep_for(os::ns_per_ms));
    EXPECT_FALSE(ended.load());
    pair.server.set_read_deadline(0);
    while (!ended.load()) ASSERT_TRUE(sleep_for(os::ns_per_ms));
  });
}

TEST_P(PollableTest, DataThatRacesWithDeadlinesIsNeverLost) {
  constexpr int rounds = C1M_TSAN ? 100 : 1000;
  std::atomic<int> received = 0;
  run([&received] {
    auto pair = connect_pair();
    ASSERT_TRUE(spawn([stream = std::move(pair.client)] mutable {
      const std::array<std::byte, 1> byte{};
      for (int i = 0; i < rounds; ++i) {
        ASSERT_TRUE(stream.write(byte));
        ASSERT_TRUE(sleep_for(i % 50 * os::ns_per_us));
      }
    }));
    std::array<std::byte, 1> byte{};
    for (int i = 0;; ++i) {
      pair.server.set_read_deadline(os::monotonic_ns() + (i * 37) % 100 * os::ns_per_us);
      const auto got = pair.server.read(byte);
      if (!got) {
        ASSERT_EQ(got.error().code, ETIMEDOUT);
        yield();
        continue;
      }
      if (*got == 0) break;
      received.fetch_add(1);
    }
  });
  EXPECT_EQ(received.load(), rounds);
}

// --- closing and stopping ------------------------------------------------------------------------

TEST_P(PollableTest, CloseWakesBothSidesWithEbadf) {
  std::atomic<int> woken = 0;
  run([&woken] {
    auto pair = connect_pair();
    ASSERT_TRUE(spawn([&] {
      std::array<std::byte, 8> buffer{};
      const auto got = pair.server.read(buffer);
      ASSERT_FALSE(got);
      EXPECT_EQ(got.error().code, EBADF);
      woken.fetch_add(1);
    }));
    ASSERT_TRUE(spawn([&] {
      const auto sent = pair.server.write(numbered_bytes(64 << 20, 1));
      ASSERT_FALSE(sent);
      EXPECT_EQ(sent.error().code, EBADF);
      woken.fetch_add(1);
    }));
    ASSERT_TRUE(sleep_for(20 * os::ns_per_ms));
    EXPECT_EQ(woken.load(), 0);
    pair.server.close();
    pair.server.close();
    EXPECT_FALSE(pair.server.is_open());
    while (woken.load() < 2) ASSERT_TRUE(sleep_for(os::ns_per_ms));
    std::array<std::byte, 8> buffer{};
    EXPECT_EQ(pair.server.read(buffer).error().code, EBADF);
    EXPECT_EQ(pair.server.write(buffer).error().code, EBADF);
  });
}

TEST_P(PollableTest, CloseRacingWithReadsAndEventsLosesNobody) {
  constexpr int rounds = C1M_TSAN ? 60 : 400;
  std::atomic<int> ended = 0;
  run([&ended] {
    for (int i = 0; i < rounds; ++i) {
      auto pair = connect_pair();
      std::atomic<bool> reader_done = false;
      ASSERT_TRUE(spawn([&] {
        std::array<std::byte, 8> buffer{};
        while (const auto got = pair.server.read(buffer)) {
          if (*got == 0) break;
        }
        ended.fetch_add(1);
        reader_done.store(true);
      }));
      const std::array<std::byte, 4> some{};
      if (i % 3 == 0) yield();
      ASSERT_TRUE(pair.client.write(some));
      if (i % 2 == 0) yield();
      pair.server.close();
      while (!reader_done.load()) yield();
    }
  });
  EXPECT_EQ(ended.load(), rounds);
}

TEST_P(PollableTest, ANumberHeldByAnOperationIsClosedAfterIt) {
  run([] {
    std::array<int, 2> ends{};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()), 0);
    const os::Descriptor other(ends[1]);
    auto pollable = Pollable::adopt(os::Descriptor(ends[0]));
    ASSERT_TRUE(pollable);
    {
      const Pollable::Use use(*pollable);
      pollable->close();
      EXPECT_EQ(use.get(), ends[0]);
      EXPECT_EQ(::write(use.get(), "x", 1), 1) << "still open";
      EXPECT_EQ(Pollable::Use(*pollable).get(), -1);
    }
    EXPECT_EQ(::write(ends[0], "x", 1), -1);
  });
}

TEST_P(PollableTest, StopEndsWaitsForDescriptors) {
  constexpr int waiters = 50;
  std::atomic<int> canceled = 0;
  run([&] {
    auto [listener, endpoint] = listen();
    for (int i = 0; i < waiters; ++i) {
      ASSERT_TRUE(spawn([&canceled, endpoint] {
        auto stream = TcpStream::connect(endpoint);
        std::array<std::byte, 8> buffer{};
        ASSERT_TRUE(stream);
        EXPECT_EQ(stream->read(buffer).error().code, ECANCELED);
        canceled.fetch_add(1);
      }));
    }
    std::vector<TcpStream> accepted;
    for (int i = 0; i < waiters; ++i) {
      auto stream = listener.accept();
      ASSERT_TRUE(stream);
      accepted.push_back(std::move(*stream));
    }
    ASSERT_TRUE(sleep_for(10 * os::ns_per_ms));
    runtime().stop();
    EXPECT_EQ(listener.accept().error().code, ECANCELED);
    while (canceled.load() < waiters) yield();
  });
}

// --- other descriptors and errors ----------------------------------------------------------------

TEST_P(PollableTest, AnyPollableDescriptorCanBeWaitedFor) {
  run([] {
    const int fd = ::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    auto timer = Pollable::adopt(os::Descriptor(fd));
    ASSERT_TRUE(timer);
    const itimerspec every_ms{.it_interval = {0, 1'000'000}, .it_value = {0, 1'000'000}};
    ASSERT_EQ(::timerfd_settime(fd, 0, &every_ms, nullptr), 0);
    for (std::uint64_t ticks = 0; ticks < 5;) {
      ASSERT_TRUE(timer->wait_readable());
      std::uint64_t expired = 0;
      const Pollable::Use use(*timer);
      if (::read(use.get(), &expired, sizeof expired) == sizeof expired) {
        ticks += expired;
      } else {
        ASSERT_EQ(errno, EAGAIN);
        timer->read_would_block();
      }
    }
  });
}

TEST_P(PollableTest, OneThatNeverHasToWaitLetsTheNetworkWakeOthers) {
  std::atomic<bool> answered = false;
  run([&answered] {
    auto pair = connect_pair();
    ASSERT_TRUE(spawn([&answered, stream = std::move(pair.server)] mutable {
      std::array<std::byte, 1> byte{};
      ASSERT_TRUE(stream.read(byte));
      answered.store(true);
    }));
    // Readable for ever: nobody reads it empty. Only the first wait parks, for its first edge.
    auto always = Pollable::adopt(os::Descriptor(::eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC)));
    ASSERT_TRUE(always);
    ASSERT_TRUE(always->wait_readable());
    ASSERT_TRUE(pair.client.write(std::array<std::byte, 1>{}));
    while (!answered.load()) ASSERT_TRUE(always->wait_readable());
  });
}

TEST_P(PollableTest, WhatEpollCannotWatchIsRefusedAndClosed) {
  run([] {
    const int fd = ::memfd_create("a regular file", MFD_CLOEXEC);
    const auto refused = Pollable::adopt(os::Descriptor(fd));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, EPERM);
    EXPECT_EQ(::fcntl(fd, F_GETFD), -1);
  });
}

}  // namespace
}  // namespace c1m::runtime
