// A dump shows every coroutine with what it waits for and since when, while the runtime runs and
// from any thread.
#include "runtime/runtime_dump.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <set>
#include <string>
#include <thread>

#include "runtime/blocking.hpp"
#include "runtime/network_fixture.hpp"
#include "runtime/sleep.hpp"
#include "runtime/spawn.hpp"
#include "runtime/ticker.hpp"
#include "runtime/virtual_clock.hpp"
#include "runtime/yield.hpp"

namespace c1m::runtime {
namespace {

TEST(WaitReasonTest, NamesAreUnique) {
  std::set<std::string> names;
  std::size_t reasons = 0;
  for (std::uint64_t i = 0; i < wait_reasons_max; ++i) {
    const std::string name = name_of(static_cast<WaitReason>(i));
    if (name == "?") continue;
    ++reasons;
    names.insert(name);
  }
  EXPECT_EQ(names.size(), reasons);
  EXPECT_GE(reasons, 10U);
}

TEST(WaitNoteTest, KeepsReasonObjectAndBeginning) {
  constexpr os::Nanoseconds hour_ns = 3600 * os::ns_per_s;
  WaitNote note;
  EXPECT_EQ(note.read(1).reason, WaitReason::none);
  for (const os::Nanoseconds begin_ns : {os::Nanoseconds{0}, 17 * hour_ns, 100'000 * hour_ns}) {
    note.write(WaitReason::connect, UINT32_MAX, begin_ns);
    const WaitFacts facts = note.read(begin_ns + 300 * hour_ns);
    EXPECT_EQ(facts.reason, WaitReason::connect);
    EXPECT_EQ(facts.object, UINT32_MAX);
    EXPECT_NEAR(static_cast<double>(facts.waited_ns), 300.0 * hour_ns, 2 << 24);
  }
  note.write(WaitReason::read, 1, 10 * os::ns_per_s);
  EXPECT_EQ(note.read(10 * os::ns_per_s - os::ns_per_ms * 50).waited_ns, 0)
      << "one that began after the look at the clock";
}

class RuntimeDumpTest : public RuntimeTest {
 protected:
  VirtualClock* clock() override { return &clock_; }

  // What the dump says of the coroutines that wait for `reason`.
  std::vector<CoroutineFacts> waiting_for(WaitReason reason) {
    RuntimeDump dump = runtime().dump();
    std::erase_if(dump.coroutines, [reason](const CoroutineFacts& facts) {
      return facts.state != CoroutineState::waiting || facts.wait.reason != reason;
    });
    return dump.coroutines;
  }
  void await_one(WaitReason reason) {
    while (waiting_for(reason).size() != 1) yield();
  }

  VirtualClock clock_;
};
C1M_FOR_ALL_PROCESSOR_COUNTS(RuntimeDumpTest);

TEST_P(RuntimeDumpTest, ShowsTheReasonObjectTimeAndSpawnOfEachWait) {
  constexpr os::Nanoseconds hour_ns = 3600 * os::ns_per_s;
  run([&] {
    auto [listener, endpoint] = listen();
    auto pair = connect_pair();
    const std::uint_least32_t line = std::source_location::current().line() + 1;
    ASSERT_TRUE(spawn([] { EXPECT_FALSE(sleep_for(100 * hour_ns)); }));
    ASSERT_TRUE(spawn([&] { EXPECT_FALSE(listener.accept()); }));
    ASSERT_TRUE(spawn([&] {
      std::array<std::byte, 1> byte{};
      EXPECT_FALSE(pair.server.read(byte));
    }));
    ASSERT_TRUE(spawn([&] { EXPECT_FALSE(pair.server.write(numbered_bytes(64 << 20, 1))); }));
    ASSERT_TRUE(spawn([] { EXPECT_FALSE(Ticker(50 * hour_ns).wait()); }));
    for (const WaitReason reason : {WaitReason::sleep, WaitReason::accept, WaitReason::read,
                                    WaitReason::write, WaitReason::ticker}) {
      await_one(reason);
    }
    ASSERT_TRUE(sleep_for(2 * hour_ns));

    const CoroutineFacts sleeper = waiting_for(WaitReason::sleep).at(0);
    EXPECT_EQ(sleeper.spawned_at.line(), line);
    EXPECT_NEAR(static_cast<double>(sleeper.wait.waited_ns), 2.0 * hour_ns, 2 << 24);
    const CoroutineFacts reader = waiting_for(WaitReason::read).at(0);
    const CoroutineFacts writer = waiting_for(WaitReason::write).at(0);
    EXPECT_GT(reader.wait.object, 2U);
    EXPECT_EQ(reader.wait.object, writer.wait.object) << "two directions of one descriptor";
    EXPECT_NE(waiting_for(WaitReason::accept).at(0).wait.object, reader.wait.object);
    EXPECT_NE(reader.id, writer.id);
    runtime().stop();
    // The others use what belongs to this one.
    while (runtime().live() > 1) yield();
  });
}

TEST_P(RuntimeDumpTest, CountsStatesAndQueues) {
  run([this] {
    for (int i = 0; i < 50; ++i) ASSERT_TRUE(spawn([] { ASSERT_TRUE(sleep_for(1000)); }));
    while (waiting_for(WaitReason::sleep).size() < 50) yield();
    const RuntimeDump dump = runtime().dump();
    EXPECT_EQ(dump.coroutines.size(), 51U);
    EXPECT_EQ(dump.coroutines.size(), runtime().live());
    EXPECT_EQ(dump.count_of(CoroutineState::waiting), 50U);
    EXPECT_EQ(dump.count_of(CoroutineState::running), 1U);
    ASSERT_EQ(dump.processors.size(), GetParam());
    std::size_t timers = 0;
    for (const ProcessorFacts& processor : dump.processors) timers += processor.timers;
    EXPECT_EQ(timers, 50U);
    if (GetParam() > 1) return;  // what is spawned may be stolen at once
    for (int i = 0; i < 5; ++i) ASSERT_TRUE(spawn([] {}));
    EXPECT_EQ(runtime().dump().processors[0].runnable, 5U);
    EXPECT_EQ(runtime().dump().count_of(CoroutineState::runnable), 5U);
  });
  EXPECT_TRUE(runtime().dump().coroutines.empty()) << "records of the ended are not shown";
  EXPECT_EQ(runtime().live(), 0U);
}

TEST_P(RuntimeDumpTest, ShowsABlockingCall) {
  run([this] {
    ASSERT_TRUE(spawn([this] {
      blocking([this] {
        const RuntimeDump dump = runtime().dump();
        const auto in_call = [](const CoroutineFacts& facts) {
          return facts.wait.reason == WaitReason::blocking;
        };
        EXPECT_EQ(std::ranges::count_if(dump.coroutines, in_call), 1);
      });
      const RuntimeDump dump = runtime().dump();
      for (const CoroutineFacts& facts : dump.coroutines) {
        EXPECT_EQ(facts.wait.reason, WaitReason::none) << "the call is over";
      }
    }));
  });
}

TEST_P(RuntimeDumpTest, TheTextGroupsByReasonAndPlaceTheOldestFirst) {
  run([this] {
    for (int i = 0; i < 20; ++i) {
      ASSERT_TRUE(spawn([] { ASSERT_TRUE(sleep_until(40'000 * os::ns_per_s)); }));
    }
    while (waiting_for(WaitReason::sleep).size() < 20) yield();
    ASSERT_TRUE(sleep_for(3720 * os::ns_per_s));
    ASSERT_TRUE(spawn([] { ASSERT_TRUE(sleep_for(30'000 * os::ns_per_s)); }));
    while (waiting_for(WaitReason::sleep).size() < 21) yield();
    ASSERT_TRUE(sleep_for(90'500 * os::ns_per_ms));
    const std::string text = to_text(runtime().dump());
    SCOPED_TRACE(text);
    EXPECT_TRUE(text.starts_with("22 coroutines: 1 running, 0 runnable, 21 waiting\n"));
    const std::size_t old_ones = text.find("20 [sleep, 1 h 3 min] spawned at ");
    const std::size_t young_one = text.find("1 [sleep, 1 min 30 s] spawned at ");
    ASSERT_NE(old_ones, std::string::npos);
    ASSERT_NE(young_one, std::string::npos);
    EXPECT_LT(old_ones, young_one);
    EXPECT_NE(text.find("runtime_dump_test.cpp:"), std::string::npos);
    EXPECT_NE(text.find(" ...\n"), std::string::npos) << "not all 20 ids";
    EXPECT_NE(text.find("1 [running] spawned at "), std::string::npos);
  });
}

TEST_P(RuntimeDumpTest, AnyThreadMayTakeOneWhileEverythingChanges) {
  std::atomic<bool> done = false;
  std::atomic<int> dumps = 0;
  std::thread watcher([&] {
    while (!done.load()) {
      const RuntimeDump dump = runtime().dump();
      for (const CoroutineFacts& facts : dump.coroutines) {
        // Sleeps alternate with blocking calls, which clear the note when they end: a note of one
        // that is shown with the state of the other is a mixture of two moments.
        if (facts.state == CoroutineState::waiting) {
          ASSERT_EQ(facts.wait.reason, WaitReason::sleep);
        }
        ASSERT_LE(facts.wait.waited_ns, os::ns_per_s) << "nobody waits for long here";
      }
      ASSERT_FALSE(to_text(dump).empty());
      dumps.fetch_add(1);
    }
  });
  run([&dumps] {
    constexpr int coroutines = 20;
    constexpr int dumps_wanted = C1M_TSAN ? 100 : 2000;
    for (int i = 0; i < coroutines; ++i) {
      ASSERT_TRUE(spawn([&dumps, i] {
        for (int round = 0; dumps.load() < dumps_wanted; ++round) {
          ASSERT_TRUE(sleep_for(1 + i % 7));
          blocking([] {});
          if (round % 8 != 0) continue;
          ASSERT_TRUE(spawn([] { ASSERT_TRUE(sleep_for(1)); }));
        }
      }));
    }
  });
  done.store(true);
  watcher.join();
}

}  // namespace
}  // namespace c1m::runtime
