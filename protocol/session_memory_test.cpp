// What a session takes from the heap, counted where it is taken: the allocation functions of this
// test program keep count. Tests of other files run with them, too, which does not disturb them.
#include <atomic>
#include <cstdlib>
#include <new>

#include <gtest/gtest.h>

#include "protocol/websocket_samples.hpp"
#include "protocol/websocket_session.hpp"

namespace {

std::atomic<long> live_blocks = 0;
std::atomic<std::size_t> largest_block = 0;

void* counted(std::size_t bytes) {
  live_blocks.fetch_add(1, std::memory_order_relaxed);
  if (bytes > largest_block.load(std::memory_order_relaxed)) largest_block = bytes;
  void* block = std::malloc(bytes);
  if (block == nullptr) std::abort();
  return block;
}

void uncounted(void* block) {
  if (block == nullptr) return;
  live_blocks.fetch_sub(1, std::memory_order_relaxed);
  std::free(block);
}

}  // namespace

void* operator new(std::size_t bytes) {
  return counted(bytes);
}
void* operator new[](std::size_t bytes) {
  return counted(bytes);
}
void operator delete(void* block) noexcept {
  uncounted(block);
}
void operator delete[](void* block) noexcept {
  uncounted(block);
}
void operator delete(void* block, std::size_t) noexcept {
  uncounted(block);
}
void operator delete[](void* block, std::size_t) noexcept {
  uncounted(block);
}

namespace c1m::protocol {
namespace {

using samples::Bytes;

// A session by itself, without a desk that allocates.
class SessionMemory : public testing::Test {
 protected:
  SessionMemory() { session.begin(service, 0); }
  // Blocks that are held more than before the bytes came.
  long held_after(Bytes bytes) {
    const long before = live_blocks;
    largest_block = 0;
    std::ignore = session.receive(service, bytes, 0);
    return live_blocks - before;
  }
  Bytes request = samples::to_bytes(samples::good_request());
  Bytes frame = samples::masked_frame({.opcode = Opcode::text}, samples::to_bytes("Hello"));
  WebSocketSettings settings;
  WebSocketCounters counters;
  WebSocketService service{settings, counters};
  WebSocketSession session;
};

TEST_F(SessionMemory, NoBlockIsHeldWhenIdle) {
  EXPECT_LE(sizeof(WebSocketSession), 64U);
  EXPECT_EQ(held_after(request), 0) << "established";
  EXPECT_EQ(held_after(frame), 0) << "a message";
  EXPECT_EQ(largest_block, 0U) << "not even meanwhile";
  EXPECT_EQ(held_after(samples::masked_frame({.opcode = Opcode::ping}, {})), 0);
}

TEST_F(SessionMemory, PartsHoldBlocksUntilTheyAreWhole) {
  const long before = live_blocks;
  EXPECT_GT(held_after({request.begin(), request.begin() + 50}), 0);
  held_after({request.begin() + 50, request.end()});
  EXPECT_EQ(live_blocks, before);
  EXPECT_GT(held_after({frame.begin(), frame.begin() + 1}), 0);
  held_after({frame.begin() + 1, frame.end()});
  EXPECT_EQ(live_blocks, before);
}

TEST_F(SessionMemory, AnAnnouncedLengthTakesNothing) {
  held_after(request);
  // A header of 16 MiB less a little, and one byte of the payload.
  held_after(samples::from_hex("82ff0000000000ff00000102030405"));
  EXPECT_LT(largest_block, 1'024U);
}

TEST_F(SessionMemory, ManySmallFragmentsTakeWhatTheirBytesTake) {
  held_after(request);
  for (int i = 0; i < 10'000; ++i) {
    const Opcode opcode = i == 0 ? Opcode::binary : Opcode::continuation;
    const std::array one{std::byte{1}};
    held_after(samples::masked_frame({.is_final = false, .opcode = opcode}, one));
    ASSERT_LT(largest_block, 20'100U) << i;
  }
}

TEST_F(SessionMemory, AFailureGivesEverythingBack) {
  held_after(request);
  const long before = live_blocks;
  held_after(samples::masked_frame({.is_final = false, .opcode = Opcode::binary}, request));
  held_after(samples::from_hex("8180"));  // a text inside of it
  EXPECT_GT(live_blocks, before);
  held_after(samples::from_hex("00000000"));
  EXPECT_EQ(live_blocks, before);
}

}  // namespace
}  // namespace c1m::protocol
