// The one idle buffer: reused, and made anew only while it is lent.
#include "servers/coro/spare_buffer.hpp"

#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace c1m::servers::coro {
namespace {

TEST(SpareBuffer, IsTheSameOneAgain) {
  SpareBuffer spare(64);
  EXPECT_EQ(spare.buffer_bytes(), 64U);
  SpareBuffer::Buffer first = spare.take();
  const std::byte* address = first.get();
  spare.give_back(std::move(first));
  // Had it been freed, this would have got its place.
  const auto occupant = std::make_unique<std::byte[]>(64);
  EXPECT_EQ(spare.take().get(), address);
}

TEST(SpareBuffer, MakesAnotherWhileItIsLent) {
  SpareBuffer spare(64);
  SpareBuffer::Buffer first = spare.take();
  SpareBuffer::Buffer second = spare.take();
  EXPECT_NE(first.get(), second.get());
  // Only one is kept; the leak check of the sanitizer build sees that the other is freed.
  spare.give_back(std::move(first));
  const std::byte* kept = second.get();
  spare.give_back(std::move(second));
  EXPECT_EQ(spare.take().get(), kept);
}

TEST(SpareBuffer, TwoThreadsNeverHoldTheSameOne) {
  SpareBuffer spare(1);
  const auto borrow = [&spare](std::byte mark, bool& disturbed) {
    for (int i = 0; i < 20'000; ++i) {
      SpareBuffer::Buffer buffer = spare.take();
      buffer[0] = mark;
      if (i % 64 == 0) std::this_thread::yield();
      disturbed = disturbed || buffer[0] != mark;
      spare.give_back(std::move(buffer));
    }
  };
  bool first_disturbed = false;
  bool second_disturbed = false;
  std::thread other([&] { borrow(std::byte{1}, first_disturbed); });
  borrow(std::byte{2}, second_disturbed);
  other.join();
  EXPECT_FALSE(first_disturbed);
  EXPECT_FALSE(second_disturbed);
}

}  // namespace
}  // namespace c1m::servers::coro
