// The wait group: nobody goes on too early, nobody waits for ever, whoever calls done().
#include "runtime/wait_group.hpp"

#include <atomic>
#include <thread>
#include <vector>

#include "runtime/runtime_fixture.hpp"
#include "runtime/spawn.hpp"
#include "runtime/yield.hpp"

namespace c1m::runtime {
namespace {

class WaitGroupTest : public RuntimeTest {};
C1M_FOR_ALL_PROCESSOR_COUNTS(WaitGroupTest);

TEST_P(WaitGroupTest, WaitsForAllAndSeesWhatTheyWrote) {
  constexpr int coroutines = 500;
  std::vector<int> written(coroutines, 0);  // plain on purpose: ThreadSanitizer checks the order
  int sum = 0;
  run([&] {
    WaitGroup group(coroutines);
    for (int& place : written) {
      ASSERT_TRUE(spawn([&group, &place] {
        yield();
        place = 1;
        group.done();
      }));
    }
    group.wait();
    for (const int each : written) sum += each;
  });
  EXPECT_EQ(sum, coroutines);
}

TEST_P(WaitGroupTest, OfNothingDoesNotWait) {
  run([] {
    WaitGroup group;
    group.wait();
  });
  EXPECT_EQ(runtime().statistics().parked, 0U);
}

TEST_P(WaitGroupTest, AllThatWaitGoOn) {
  constexpr int waiters = 100;
  WaitGroup begin(1);
  std::atomic<int> went_on = 0;
  run([&] {
    WaitGroup end(waiters);
    for (int i = 0; i < waiters; ++i) {
      ASSERT_TRUE(spawn([&] {
        begin.wait();
        went_on.fetch_add(1);
        end.done();
      }));
    }
    for (int i = 0; i < 3; ++i) yield();
    EXPECT_EQ(went_on.load(), 0);
    begin.done();
    end.wait();
  });
  EXPECT_EQ(went_on.load(), waiters);
}

TEST_P(WaitGroupTest, AThreadThatIsNoWorkerMayBeTheLast) {
  run([] {
    for (int i = 0; i < 20; ++i) {
      WaitGroup group(2);
      std::thread thread([&group] { group.done(); });
      group.done();
      group.wait();
      thread.join();
    }
  });
}

TEST_P(WaitGroupTest, IsUsedAgain) {
  constexpr int rounds = 300;
  int turns = 0;
  run([&] {
    WaitGroup group;
    for (int round = 0; round < rounds; ++round) {
      group.add();
      ASSERT_TRUE(spawn([&] {
        ++turns;
        group.done();
      }));
      group.wait();
    }
  });
  EXPECT_EQ(turns, rounds);
}

TEST(WaitGroupDeathTest, OneDoneTooManyIsNamed) {
  WaitGroup group(1);
  group.done();
  EXPECT_DEATH(group.done(), "once for each");
}

}  // namespace
}  // namespace c1m::runtime
