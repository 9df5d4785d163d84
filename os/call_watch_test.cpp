// Memory calls are told to a watcher with their times, and to nobody without one.
#include "os/call_watch.hpp"

#include <vector>

#include <gtest/gtest.h>

#include "os/address_space.hpp"

namespace c1m::os {
namespace {

struct Seen {
  WatchedCall call = WatchedCall::memory;
  Nanoseconds begin_ns = 0;
  Nanoseconds end_ns = 0;
};
std::vector<Seen> seen;  // a watcher is a plain function

void keep(WatchedCall call, Nanoseconds begin_ns, Nanoseconds end_ns) {
  seen.push_back({.call = call, .begin_ns = begin_ns, .end_ns = end_ns});
}

TEST(CallWatch, SeesMemoryCallsFromBeginToEnd) {
  seen.clear();
  auto space = AddressSpace::reserve(2 * page_bytes());
  ASSERT_TRUE(space);
  ASSERT_TRUE(release_memory(space->data(), page_bytes()));
  EXPECT_TRUE(seen.empty()) << "nobody watches yet";

  const Nanoseconds before_ns = monotonic_ns();
  watch_calls(keep);
  ASSERT_TRUE(release_memory(space->data(), page_bytes()));
  ASSERT_TRUE(install_guard(space->data(), page_bytes()));
  space = AddressSpace();  // munmap
  watch_calls(nullptr);
  ASSERT_EQ(seen.size(), 3U);
  for (const Seen& call : seen) {
    EXPECT_EQ(call.call, WatchedCall::memory);
    EXPECT_GE(call.begin_ns, before_ns);
    EXPECT_GE(call.end_ns, call.begin_ns);
  }
}

}  // namespace
}  // namespace c1m::os
