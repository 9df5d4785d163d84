// Blocks for frozen frames: classes that hold what they promise, reuse, and no overlap.
#include "runtime/frozen_pool.hpp"

#include <cstring>
#include <set>
#include <vector>

#include <gtest/gtest.h>

namespace c1m::runtime {
namespace {

TEST(FrozenClasses, HoldEverySizeAndWasteLittle) {
  for (std::size_t bytes = 1; bytes <= FrozenClasses::block_bytes_max; ++bytes) {
    const std::size_t size_class = FrozenClasses::of(bytes);
    ASSERT_LT(size_class, FrozenClasses::count) << bytes;
    const std::size_t block = FrozenClasses::bytes(size_class);
    ASSERT_GE(block, bytes);
    ASSERT_GE(block, sizeof(FrozenBlock)) << "what is free has a link";
    const std::size_t waste_max = bytes <= FrozenClasses::fine_bytes_max ? 7 : bytes / 8;
    ASSERT_LE(block - bytes, waste_max) << bytes;
    ASSERT_EQ(FrozenClasses::of(block), size_class);
  }
  EXPECT_EQ(FrozenClasses::of(FrozenClasses::block_bytes_max), FrozenClasses::count - 1);
}

TEST(FrozenPool, BlocksDoNotOverlapAndAreReused) {
  FrozenPool pool;
  FrozenCache cache;
  const std::vector<std::size_t> sizes{1, 9, 16, 17, 176, 1024, 1025, 5000, 65'536, 100'000};
  std::size_t carved = 0;
  for (int round = 0; round < 2; ++round) {
    std::vector<std::byte*> blocks;
    for (int i = 0; i < 100; ++i) {
      for (const std::size_t bytes : sizes) {
        blocks.push_back(cache.take(bytes, pool));
        std::memset(blocks.back(), static_cast<int>(blocks.size()), bytes);
      }
    }
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      const std::size_t bytes = sizes[i % sizes.size()];
      const auto mark = static_cast<std::byte>(i + 1);
      ASSERT_EQ(blocks[i][0], mark);
      ASSERT_EQ(blocks[i][bytes - 1], mark);
      cache.give_back(blocks[i], bytes, pool);
    }
    if (round == 0) carved = pool.carved_bytes();
  }
  EXPECT_EQ(pool.carved_bytes(), carved) << "the second round needed no new memory";
}

TEST(FrozenPool, WhatOneCacheGivesUpAnotherGets) {
  for (const std::size_t bytes : {std::size_t{8}, std::size_t{16}, std::size_t{176}}) {
    FrozenPool pool;
    FrozenCache first;
    FrozenCache second;
    std::vector<std::byte*> blocks(100);
    for (std::byte*& block : blocks) block = first.take(bytes, pool);
    const std::size_t carved = pool.carved_bytes();
    for (std::byte* const block : blocks) first.give_back(block, bytes, pool);
    first.empty_into(pool);
    std::set<std::byte*> taken;
    for (std::size_t i = 0; i < blocks.size(); ++i) taken.insert(second.take(bytes, pool));
    EXPECT_EQ(taken.size(), blocks.size());
    EXPECT_EQ(pool.carved_bytes(), carved) << bytes;
  }
}

}  // namespace
}  // namespace c1m::runtime
