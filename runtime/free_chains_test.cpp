// Nothing is lost, given out twice or kept from who asks, however things come and go; and the store
// that all share is reached rarely.
#include "runtime/free_chains.hpp"

#include <array>
#include <cstdint>
#include <random>
#include <set>
#include <span>
#include <vector>

#include <gtest/gtest.h>

namespace c1m::runtime {
namespace {

constexpr std::uint32_t length = 4;

struct Thing {
  Thing* next = nullptr;
  Thing* next_chain = nullptr;
};
Thing*& chain_link(Thing& thing) {
  return thing.next_chain;
}
using List = FreeList<Thing>;
using Chains = FreeChains<Thing, length>;
using Cache = FreeCache<Thing, length>;

// A whole chain, the first thing on top.
List chain_of(std::span<Thing> things) {
  List list;
  for (std::size_t i = things.size(); i > 0; --i) list.push(&things[i - 1]);
  return list;
}

TEST(FreeChains, GiveBackWholeChainsAsTheyCame) {
  std::array<Thing, 2 * length> things;
  Chains chains;
  chains.put(chain_of(std::span(things).first(length)));
  chains.put(chain_of(std::span(things).last(length)));
  for (const std::size_t first : {std::size_t{length}, std::size_t{0}}) {
    List chain = chains.take();
    ASSERT_EQ(chain.count, length);
    for (std::size_t i = 0; i < length; ++i) EXPECT_EQ(chain.pop(), &things[first + i]);
  }
  EXPECT_EQ(chains.take().count, 0U);
}

TEST(FreeChains, MakeAChainOfLooseThingsAndGiveTheRestToo) {
  std::array<Thing, length + 1> things;
  Chains chains;
  for (Thing& thing : things) chains.put_one(&thing);
  EXPECT_EQ(chains.take().count, length);
  List rest = chains.take();
  ASSERT_EQ(rest.count, 1U);
  EXPECT_EQ(rest.pop(), &things[length]);
  EXPECT_EQ(chains.take().count, 0U);
}

TEST(FreeChains, GiveSingleThingsOutOfAChain) {
  std::array<Thing, length> things;
  Chains chains;
  chains.put(chain_of(things));
  std::set<Thing*> taken;
  for (std::uint32_t i = 0; i < length; ++i) EXPECT_TRUE(taken.insert(chains.take_one()).second);
  EXPECT_FALSE(taken.contains(nullptr));
  EXPECT_EQ(chains.take_one(), nullptr);
}

TEST(FreeCache, KeepsTwoChainsAndGivesAwayWholeOnes) {
  std::array<Thing, 3 * length> things;
  Cache cache;
  std::uint32_t given_away = 0;
  for (Thing& thing : things) {
    const List surplus = cache.put(&thing);
    if (surplus.count == 0) continue;
    EXPECT_EQ(surplus.count, length);
    EXPECT_EQ(&thing, &things[2 * length]) << "when it has two full ones";
    given_away += surplus.count;
  }
  EXPECT_EQ(given_away, length);
  for (std::uint32_t i = 0; i < 2 * length; ++i) EXPECT_NE(cache.take(), nullptr);
  EXPECT_EQ(cache.take(), nullptr);
}

// Bursts of puts and of takes in turn, from any number that it holds: what comes and goes is at
// least a chain between two times that it reaches the store.
TEST(FreeCache, ReachesTheStoreOnceInAChainAtMost) {
  for (std::uint32_t held = 0; held <= 2 * length; ++held) {
    for (std::uint32_t burst = 1; burst <= 2 * length; ++burst) {
      std::vector<Thing> things(8 * length);
      Chains chains;
      for (Thing& thing : things) chains.put_one(&thing);
      Cache cache;
      std::vector<Thing*> taken;
      std::uint32_t moved_since = length;  // the first time counts from nothing
      const auto reach = [&] {
        EXPECT_GE(moved_since, length) << held << " held, bursts of " << burst;
        moved_since = 0;
      };
      const auto take = [&] {
        Thing* one = cache.take();
        if (one == nullptr) {
          reach();
          List list = chains.take();
          one = list.pop();
          cache.refill(list);
        }
        taken.push_back(one);
        ++moved_since;
      };
      const auto put = [&] {
        const List surplus = cache.put(taken.back());
        taken.pop_back();
        ++moved_since;
        if (surplus.count == 0) return;
        reach();
        chains.put(surplus);
      };
      for (std::uint32_t i = 0; i < 4 * length; ++i) take();
      for (std::uint32_t i = 0; i < held; ++i) put();
      for (int turn = 0; turn < 10; ++turn) {
        for (std::uint32_t i = 0; i < burst; ++i) take();
        for (std::uint32_t i = 0; i < burst; ++i) put();
      }
    }
  }
}

// Two caches over one store, in any order: each thing is in one place.
TEST(FreeCache, NothingIsLostOrGivenOutTwice) {
  const unsigned seed = std::random_device()();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  std::vector<Thing> things(50);
  Chains chains;
  for (Thing& thing : things) chains.put_one(&thing);
  std::array<Cache, 2> caches;
  std::set<Thing*> taken;
  const auto take = [&](Cache& cache) {
    if (Thing* const one = cache.take()) return one;
    List list = chains.take();
    if (list.count == 0) return static_cast<Thing*>(nullptr);
    Thing* const one = list.pop();
    cache.refill(list);
    return one;
  };
  for (int step = 0; step < 20'000; ++step) {
    Cache& cache = caches[random() % 2];
    if (random() % 2 == 0) {
      Thing* const one = take(cache);
      ASSERT_TRUE(one == nullptr || taken.insert(one).second);
    } else if (!taken.empty()) {
      const List surplus = cache.put(taken.extract(taken.begin()).value());
      if (surplus.count > 0) chains.put(surplus);
    }
  }
  for (Cache& cache : caches) {
    while (Thing* const one = cache.take()) chains.put_one(one);
  }
  while (Thing* const one = chains.take_one()) ASSERT_TRUE(taken.insert(one).second);
  EXPECT_EQ(taken.size(), things.size());
}

}  // namespace
}  // namespace c1m::runtime
