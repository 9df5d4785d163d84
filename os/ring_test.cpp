// The ring against a socket pair: what arrives stands in a buffer, and every request ends.
#include "os/ring.hpp"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <optional>
#include <string_view>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "os/descriptor.hpp"

namespace c1m::os {
namespace {

constexpr std::size_t buffer_count = 4;
constexpr std::size_t buffer_bytes = 16;

class RingTest : public testing::TestWithParam<Ring::Sharing> {
 protected:
  void SetUp() override {
    auto ring = Ring::create(GetParam());
    if (!ring) GTEST_SKIP() << "no io_uring here: " << describe(ring.error());
    ASSERT_TRUE(ring->set_buffers(memory_, buffer_count, buffer_bytes));
    ASSERT_TRUE(ring->enable());
    for (std::uint16_t i = 0; i < buffer_count; ++i) ring->give(i);
    ring_.emplace(std::move(*ring));
    std::array<int, 2> ends{};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()), 0);
    near_ = Descriptor(ends[0]);
    far_ = Descriptor(ends[1]);
  }

  // The next completion, waiting for it.
  Completion next() {
    std::array<Completion, 1> one;
    while (ring_->reap(one) == 0) EXPECT_TRUE(ring_->submit_and_wait(-1));
    return one[0];
  }

  [[nodiscard]] std::string_view text(const Completion& completion) const {
    return {reinterpret_cast<const char*>(memory_.data()) + completion.buffer() * buffer_bytes,
            static_cast<std::size_t>(completion.result)};
  }

  alignas(4096) std::array<std::byte, buffer_count * buffer_bytes> memory_{};
  Descriptor near_;
  Descriptor far_;
  std::optional<Ring> ring_;
};
INSTANTIATE_TEST_SUITE_P(Sharing, RingTest,
                         testing::Values(Ring::Sharing::any_thread, Ring::Sharing::one_thread));

TEST_P(RingTest, ReceivesAgainAndAgainIntoBuffersUntilTheEnd) {
  ASSERT_TRUE(ring_->receive(near_.get(), 7));
  for (const std::string_view message : {"one", "two", "three", "four", "five", "six"}) {
    ASSERT_EQ(::send(far_.get(), message.data(), message.size(), 0), std::ssize(message));
    const Completion completion = next();
    EXPECT_EQ(completion.tag, 7U);
    ASSERT_TRUE(completion.has_buffer());
    EXPECT_TRUE(completion.more_will_come());
    EXPECT_EQ(text(completion), message);
    ring_->give(completion.buffer());
  }
  far_.reset();
  const Completion end = next();
  EXPECT_EQ(end.result, 0);
  EXPECT_FALSE(end.more_will_come());
}

TEST_P(RingTest, WithoutBuffersTheReceiveEndsAndNothingIsLost) {
  const std::array<char, buffer_count * buffer_bytes + 5> bytes{};
  ASSERT_TRUE(ring_->receive(near_.get(), 1));
  ASSERT_TRUE(ring_->submit());
  ASSERT_EQ(::send(far_.get(), bytes.data(), bytes.size(), 0), std::ssize(bytes));
  std::size_t received = 0;
  for (Completion completion = next();; completion = next()) {
    if (completion.result < 0) {
      EXPECT_EQ(completion.result, -ENOBUFS);
      EXPECT_FALSE(completion.more_will_come());
      break;
    }
    received += static_cast<std::size_t>(completion.result);
  }
  EXPECT_EQ(received, buffer_count * buffer_bytes);
  std::array<char, 64> rest{};
  EXPECT_EQ(::recv(near_.get(), rest.data(), rest.size(), 0), 5);
}

TEST_P(RingTest, ACancelledRequestEndsAndTheCancellingSaysNothing) {
  ASSERT_TRUE(ring_->receive(near_.get(), 3));
  ASSERT_TRUE(ring_->cancel(3));
  const Completion completion = next();
  EXPECT_EQ(completion.tag, 3U);
  EXPECT_EQ(completion.result, -ECANCELED);
  ASSERT_TRUE(ring_->submit_and_run());
  std::array<Completion, 4> others;
  EXPECT_EQ(ring_->reap(others), 0U);
}

TEST_P(RingTest, APollTellsOnceAndEdgesEachTime) {
  const Descriptor event(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  ASSERT_TRUE(ring_->poll_readable(near_.get(), 1));
  ASSERT_TRUE(ring_->poll_edges(event.get(), Ring::Edges::readable, 2));
  ASSERT_TRUE(ring_->submit());
  const std::uint64_t one = 1;
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(::write(event.get(), &one, sizeof one), static_cast<ssize_t>(sizeof one));
    EXPECT_EQ(next().tag, 2U);
  }
  ASSERT_EQ(::send(far_.get(), "x", 1, 0), 1);
  const Completion readable = next();
  EXPECT_EQ(readable.tag, 1U);
  EXPECT_FALSE(readable.more_will_come());
}

TEST_P(RingTest, AWriterIsNotDeceivedByAPeerThatHasClosedItsSide) {
  const std::vector<char> much(1 << 20);
  while (::send(near_.get(), much.data(), much.size(), MSG_NOSIGNAL) > 0) {
  }
  ASSERT_EQ(::shutdown(far_.get(), SHUT_WR), 0);
  ASSERT_TRUE(ring_->poll_edges(near_.get(), Ring::Edges::writable, 1));
  EXPECT_FALSE(next().is_writable());
  std::vector<char> sink(1 << 20);
  while (::recv(far_.get(), sink.data(), sink.size(), 0) > 0) {
  }
  Completion completion = next();
  while (!completion.is_writable()) completion = next();
  EXPECT_TRUE(completion.more_will_come());
}

TEST_P(RingTest, ASendTakesWhatThereIsRoomForAndDoesNotWait) {
  const std::vector<std::byte> much(4 << 20);
  ASSERT_TRUE(ring_->send(near_.get(), much, 5));
  const Completion first = next();
  EXPECT_EQ(first.tag, 5U);
  EXPECT_GT(first.result, 0);
  EXPECT_LT(first.result, std::ssize(much)) << "nobody reads";
  int result = first.result;
  while (result > 0) {
    ASSERT_TRUE(ring_->send(near_.get(), much, 6));
    result = next().result;
  }
  EXPECT_EQ(result, -EAGAIN);
  far_.reset();
  ASSERT_TRUE(ring_->send(near_.get(), much, 7));
  EXPECT_EQ(next().result, -EPIPE);
}

TEST_P(RingTest, AWaitEndsAtItsTime) {
  ASSERT_TRUE(ring_->submit_and_wait(ns_per_ms));
  ASSERT_TRUE(ring_->wait_only(ns_per_ms));
  std::array<Completion, 1> none;
  EXPECT_EQ(ring_->reap(none), 0U);
}

TEST_P(RingTest, ARingOfOneThreadRefusesOthers) {
  ASSERT_TRUE(ring_->receive(near_.get(), 1));
  std::thread([this] {
    const auto submitted = ring_->submit();
    if (GetParam() == Ring::Sharing::any_thread) {
      EXPECT_TRUE(submitted);
    } else {
      ASSERT_FALSE(submitted);
      EXPECT_EQ(submitted.error().code, EEXIST);
    }
  }).join();
}

TEST(Ring, KnowsWhatHasNoReadiness) {
  const Descriptor file(::memfd_create("a regular file", MFD_CLOEXEC));
  const Descriptor event(::eventfd(0, EFD_CLOEXEC));
  ASSERT_FALSE(Ring::check_pollable(file.get()));
  EXPECT_EQ(Ring::check_pollable(file.get()).error().code, EPERM);
  EXPECT_TRUE(Ring::check_pollable(event.get()));
}

}  // namespace
}  // namespace c1m::os
