// The pool hands out each place once, keeps to its capacity, and reuses before it grows.
#include "loadgen/request_pool.hpp"

#include <set>
#include <vector>

#include <gtest/gtest.h>

namespace c1m::loadgen {
namespace {

TEST(RequestPool, HandsOutDistinctPlacesUpToItsCapacity) {
  constexpr std::uint32_t capacity = 3'000;  // more than two blocks
  RequestPool pool(capacity);
  std::set<RequestIndex> taken;
  for (std::uint32_t at = 0; at < capacity; ++at) taken.insert(pool.take());
  EXPECT_EQ(taken.size(), capacity);
  EXPECT_FALSE(taken.contains(no_request));
  EXPECT_EQ(pool.size(), capacity);
  EXPECT_EQ(pool.take(), no_request);
  pool.give_back(17);
  EXPECT_EQ(pool.take(), 17U);
}

TEST(RequestPool, ReusesTheLastOneFirstAndFresh) {
  RequestPool pool(10);
  const RequestIndex first = pool.take();
  const RequestIndex second = pool.take();
  pool[first].sent_ns = 5;
  pool[first].sequence = 9;
  pool.give_back(second);
  pool.give_back(first);
  EXPECT_EQ(pool.take(), first);
  EXPECT_EQ(pool[first].sent_ns, 0);
  EXPECT_EQ(pool[first].sequence, 0U);
  EXPECT_EQ(pool[first].next, no_request);
}

TEST(RequestPool, PlacesDoNotMoveWhenItGrows) {
  RequestPool pool(100'000);
  const RequestIndex first = pool.take();
  const Request* const address = &pool[first];
  for (int at = 0; at < 50'000; ++at) pool.take();
  EXPECT_EQ(&pool[first], address);
}

TEST(RequestPool, MemoryFollowsTheMostInFlight) {
  RequestPool pool(1'000'000);
  EXPECT_EQ(pool.heap_bytes(), 0U);
  for (int round = 0; round < 5; ++round) {
    std::vector<RequestIndex> taken;
    taken.reserve(1'000);
    for (int at = 0; at < 1'000; ++at) taken.push_back(pool.take());
    for (const RequestIndex index : taken) pool.give_back(index);
  }
  EXPECT_EQ(pool.size(), 0U);
  EXPECT_LE(pool.heap_bytes(), 1'024 * sizeof(Request));
}

TEST(RequestPoolDeathTest, RefusesWhatWasNeverTaken) {
  RequestPool pool(10);
  EXPECT_DEATH(pool.give_back(0), "only a taken request is given back");
}

}  // namespace
}  // namespace c1m::loadgen
