// The topology agrees with the kernel's own affinity calls. What machines with several NUMA nodes
// answer cannot be seen on one that has a single node.
#include "os/topology.hpp"

#include <algorithm>
#include <thread>

#include <gtest/gtest.h>

namespace c1m::os {
namespace {

TEST(Topology, CpusAreThoseThatTheThreadMayUse) {
  const auto topology = read_topology();
  ASSERT_TRUE(topology) << describe(topology.error());
  EXPECT_EQ(topology->cpus, *allowed_cpus());
}

TEST(Topology, EveryCpuBelongsToExactlyOneNode) {
  const auto topology = read_topology();
  ASSERT_TRUE(topology);
  ASSERT_FALSE(topology->nodes.empty());
  CpuSet all;
  for (const NumaNode& node : topology->nodes) {
    EXPECT_FALSE(node.cpus.empty());
    all.insert(all.end(), node.cpus.begin(), node.cpus.end());
  }
  std::ranges::sort(all);
  EXPECT_EQ(all, topology->cpus);
}

TEST(Topology, ABoundThreadSeesItsCpusOnly) {
  const auto before = read_topology();
  ASSERT_TRUE(before);
  const CpuSet one{before->cpus.back()};
  std::thread([&one] {
    ASSERT_TRUE(bind_to(one));
    const auto bound = read_topology();
    ASSERT_TRUE(bound);
    EXPECT_EQ(bound->cpus, one);
    ASSERT_EQ(bound->nodes.size(), 1U);
    EXPECT_EQ(bound->nodes.front().cpus, one);
  }).join();
}

}  // namespace
}  // namespace c1m::os
