// The worker pool: each task once, back pressure on both queues, failures and cancelling; and each
// rule of the leak detector shown to fire, and to be silent on a healthy pool, in virtual time.
#include "runtime/worker_pool.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "runtime/runtime_fixture.hpp"
#include "runtime/sleep.hpp"
#include "runtime/spawn.hpp"
#include "runtime/virtual_clock.hpp"

namespace c1m::runtime {
namespace {

constexpr os::Nanoseconds second_ns = os::ns_per_s;

class WorkerPoolTest : public RuntimeTest {};
C1M_FOR_ALL_PROCESSOR_COUNTS(WorkerPoolTest);

using Squares = WorkerPool<long, long>;

std::unique_ptr<Squares> start_squares(WorkerPoolOptions options) {
  auto pool = Squares::start(std::move(options),
                             [](long& number, const Context&) { return number * number; });
  EXPECT_TRUE(pool);
  return std::move(*pool);
}

TEST_P(WorkerPoolTest, EachTaskIsWorkedOnOnce) {
  constexpr long tasks = C1M_TSAN ? 500 : 20'000;
  for (const StackPolicy stack : {StackPolicy::dedicated, StackPolicy::compact}) {
    run([stack] {
      const auto pool =
          start_squares({.workers = 8, .tasks_max = 50, .results_max = 50, .stack = stack});
      ASSERT_TRUE(spawn([&pool] {
        for (long number = 1; number <= tasks; ++number) ASSERT_TRUE(pool->submit(number));
        pool->close();
      }));
      std::vector<long> results;
      while (auto result = pool->receive()) results.push_back(*result);
      EXPECT_TRUE(pool->join());
      ASSERT_EQ(results.size(), std::size_t{tasks});
      std::ranges::sort(results);
      for (long number = 1; number <= tasks; ++number) {
        EXPECT_EQ(results[static_cast<std::size_t>(number - 1)], number * number);
      }
    });
  }
}

TEST_P(WorkerPoolTest, AFullQueueMakesTheSubmitterWait) {
  run([] {
    const CancelSource gate;
    auto pool = WorkerPool<int, void>::start(
        {.workers = 1, .tasks_max = 2},
        [open = gate.context()](int&, const Context&) { open.wait(); });
    ASSERT_TRUE(pool);
    for (int task = 0; task < 3; ++task) ASSERT_TRUE((*pool)->submit(task));
    int more = 3;
    EXPECT_FALSE((*pool)->try_submit(more)) << "one is worked on, two wait";
    const CancelSource impatient;
    ASSERT_TRUE(spawn([impatient] { impatient.cancel(); }));
    const auto submitted = (*pool)->submit(more, impatient.context());
    ASSERT_FALSE(submitted);
    EXPECT_EQ(submitted.error().code, ECANCELED);
    EXPECT_EQ((*pool)->gauges().tasks_waiting, 2U);
    gate.cancel();
    EXPECT_TRUE((*pool)->submit(more));
    EXPECT_TRUE((*pool)->join());
    EXPECT_EQ((*pool)->gauges().tasks_taken, 4U);
    EXPECT_FALSE((*pool)->try_submit(more));
    EXPECT_EQ((*pool)->submit(more).error().code, EPIPE);
  });
}

TEST_P(WorkerPoolTest, WhatATaskThrowsEndsThePoolAndIsRethrown) {
  run([] {
    auto pool = WorkerPool<int, int>::start({.workers = 3, .tasks_max = 4, .results_max = 4},
                                            [](int& task, const Context&) {
                                              if (task == 50) throw std::runtime_error("task 50");
                                              return task;
                                            });
    ASSERT_TRUE(pool);
    int submitted = 0;
    auto submitter = spawn_joinable([&] {
      while ((*pool)->submit(submitted)) ++submitted;
    });
    ASSERT_TRUE(submitter);
    int received = 0;
    while ((*pool)->receive()) ++received;
    EXPECT_THROW(std::ignore = (*pool)->join(), std::runtime_error);
    submitter->join();
    EXPECT_LE(received, submitted);
    EXPECT_EQ((*pool)->gauges().workers_alive, 0U);
  });
}

TEST_P(WorkerPoolTest, ItEndsWithItsParent) {
  run([] {
    const CancelSource parent;
    auto pool = WorkerPool<int, int>::start(
        {.workers = 2}, [](int& task, const Context&) { return task; }, parent.context());
    ASSERT_TRUE(pool);
    parent.cancel();
    EXPECT_EQ((*pool)->receive().error().code, EPIPE);
    const auto joined = (*pool)->join();
    ASSERT_FALSE(joined);
    EXPECT_EQ(joined.error().code, ECANCELED);
  });
}

TEST_P(WorkerPoolTest, ADroppedPoolLeavesNothing) {
  run([] {
    const auto pool = start_squares({.workers = 4, .tasks_max = 2, .results_max = 1});
    for (long number = 0; number < 5; ++number) ASSERT_TRUE(pool->submit(number));
  });
}

TEST_P(WorkerPoolTest, ThreadsSubmitAndReceive) {
  constexpr long tasks = C1M_TSAN ? 100 : 2000;
  std::atomic<Squares*> shared = nullptr;
  std::atomic<bool> received = false;
  const auto pool_of_all = [&shared] {
    while (shared.load() == nullptr) std::this_thread::yield();
    return shared.load();
  };
  std::thread submits([&] {
    Squares* const pool = pool_of_all();
    for (long number = 1; number <= tasks; ++number) EXPECT_TRUE(pool->submit(number));
    pool->close();
  });
  std::thread receives([&] {
    Squares* const pool = pool_of_all();
    long sum = 0;
    while (auto result = pool->receive()) sum += *result;
    EXPECT_EQ(sum, tasks * (tasks + 1) * (2 * tasks + 1) / 6);
    received.store(true);
  });
  run([&] {
    const auto pool = start_squares({.workers = 4, .tasks_max = 20, .results_max = 20});
    shared.store(pool.get());
    while (!received.load()) ASSERT_TRUE(sleep_for(50 * os::ns_per_us));
    EXPECT_TRUE(pool->join());
  });
  submits.join();
  receives.join();
}

// --- the leak detector ---------------------------------------------------------------------------

class LeakDetectorTest : public RuntimeTest {
 protected:
  VirtualClock* clock() override { return &clock_; }

  // Where reports go; they come on one coroutine.
  LeakDetector::Report report() {
    return [this](const LeakReport& report) { reports_.push_back(report); };
  }

  VirtualClock clock_;
  std::vector<LeakReport> reports_;
};
C1M_FOR_ALL_PROCESSOR_COUNTS(LeakDetectorTest);

TEST_P(LeakDetectorTest, IsSilentOnAHealthyPool) {
  run([this] {
    // The queues are nearly always full, and the pool is busy for ten minutes.
    auto pool = WorkerPool<int, int>::start(
        {.workers = 3, .tasks_max = 5, .results_max = 5, .report = report()},
        [](int& task, const Context& context) {
          EXPECT_TRUE(sleep_for(100 * os::ns_per_ms, context));
          return task;
        });
    ASSERT_TRUE(pool);
    ASSERT_TRUE(spawn([&pool] {
      while (now_ns() < 600 * second_ns) ASSERT_TRUE((*pool)->submit(1));
      (*pool)->close();
    }));
    int sum = 0;
    while (auto result = (*pool)->receive()) sum += *result;
    EXPECT_TRUE((*pool)->join());
    EXPECT_GE(now_ns(), 600 * second_ns);
    EXPECT_GE(sum, 3 * 10 * 590);
  });
  EXPECT_TRUE(reports_.empty()) << reports_.front().text;
}

// A result is read every 4 s: for nearly so long the submitter, the worker and the results wait,
// and after the close the rest takes longer than any rule allows.
TEST_P(LeakDetectorTest, IsSilentWhereThingsAreSlowButMove) {
  run([this] {
    auto pool = WorkerPool<int, int>::start(
        {.workers = 1, .tasks_max = 3, .results_max = 1, .report = report()},
        [](int& task, const Context&) { return task; });
    ASSERT_TRUE(pool);
    os::Nanoseconds closed_ns = 0;
    ASSERT_TRUE(spawn([&] {
      for (int task = 0; task < 10; ++task) ASSERT_TRUE((*pool)->submit(task));
      (*pool)->close();
      closed_ns = now_ns();
    }));
    int received = 0;
    for (; (*pool)->receive(); ++received) ASSERT_TRUE(sleep_for(4 * second_ns));
    EXPECT_EQ(received, 10);
    EXPECT_GT(now_ns() - closed_ns, 10 * second_ns);
    EXPECT_TRUE((*pool)->join());
  });
  EXPECT_TRUE(reports_.empty()) << reports_.front().text;
}

TEST_P(LeakDetectorTest, ReportsAgainWhenTheCauseHasGoneAndComesBack) {
  run([this] {
    auto pool = WorkerPool<int, int>::start(
        {.workers = 1, .tasks_max = 5, .results_max = 1, .report = report()},
        [](int& task, const Context&) { return task; });
    ASSERT_TRUE(pool);
    for (std::size_t round = 1; round <= 3; ++round) {
      for (int task = 0; task < 2; ++task) ASSERT_TRUE((*pool)->submit(task));
      ASSERT_TRUE(sleep_for(20 * second_ns));
      EXPECT_EQ(reports_.size(), round);
      for (int task = 0; task < 2; ++task) ASSERT_TRUE((*pool)->receive());
      ASSERT_TRUE(sleep_for(20 * second_ns));
    }
    EXPECT_TRUE((*pool)->join());
  });
  for (const LeakReport& report : reports_) EXPECT_EQ(report.rule, LeakRule::results_unread);
}

TEST_P(LeakDetectorTest, ABlockedTaskQueueIsClosedByForceAndFails) {
  run([this] {
    auto pool = WorkerPool<int, void>::start({.workers = 2, .tasks_max = 3, .report = report()},
                                             [](int&, const Context& context) { context.wait(); });
    ASSERT_TRUE(pool);
    for (int task = 0; task < 5; ++task) ASSERT_TRUE((*pool)->submit(task));
    const auto submitted = (*pool)->submit(5);
    ASSERT_FALSE(submitted);
    EXPECT_EQ(submitted.error().code, EPIPE);
    EXPECT_GT(now_ns(), 5 * second_ns);
    EXPECT_LE(now_ns(), 7 * second_ns);
    const auto joined = (*pool)->join();
    ASSERT_FALSE(joined);
    EXPECT_EQ(joined.error().code, ETIMEDOUT);
  });
  ASSERT_EQ(reports_.size(), 1U);
  EXPECT_EQ(reports_[0].rule, LeakRule::tasks_blocked);
  EXPECT_NE(reports_[0].text.find("1 submitters wait for a full queue of 3 tasks"),
            std::string::npos)
      << reports_[0].text;
}

TEST_P(LeakDetectorTest, ResultsThatNobodyReadsAreReported) {
  run([this] {
    auto pool = WorkerPool<int, int>::start(
        {.workers = 2, .tasks_max = 5, .results_max = 1, .report = report()},
        [](int& task, const Context&) { return task; });
    ASSERT_TRUE(pool);
    for (int task = 0; task < 3; ++task) ASSERT_TRUE((*pool)->submit(task));
    ASSERT_TRUE(sleep_for(20 * second_ns));
    EXPECT_EQ(reports_.size(), 1U) << "once, until it has changed";
    (*pool)->close();
    int received = 0;
    while ((*pool)->receive()) ++received;
    EXPECT_EQ(received, 3);
    EXPECT_TRUE((*pool)->join());
  });
  ASSERT_EQ(reports_.size(), 1U);
  EXPECT_EQ(reports_[0].rule, LeakRule::results_unread);
  EXPECT_GT(reports_[0].at_ns, 5 * second_ns);
  EXPECT_LE(reports_[0].at_ns, 7 * second_ns);
}

TEST_P(LeakDetectorTest, WorkersThatOutliveTheCloseAreReported) {
  run([this] {
    auto pool = WorkerPool<int, void>::start(
        {.workers = 3, .report = report()},
        [](int&, const Context&) { EXPECT_TRUE(sleep_for(30 * second_ns)); });
    ASSERT_TRUE(pool);
    ASSERT_TRUE((*pool)->submit(1));
    EXPECT_TRUE((*pool)->join());
    EXPECT_EQ(now_ns(), 30 * second_ns);
  });
  ASSERT_EQ(reports_.size(), 1U);
  EXPECT_EQ(reports_[0].rule, LeakRule::workers_alive);
  EXPECT_NE(reports_[0].text.find("1 workers are alive"), std::string::npos) << reports_[0].text;
}

TEST_P(LeakDetectorTest, CoroutinesThatGrowAreDumped) {
  run([this] {
    const CancelSource end;
    auto pool = WorkerPool<int, void>::start({.workers = 2, .report = report()},
                                             [](int&, const Context&) {});
    ASSERT_TRUE(pool);
    for (int i = 0; i < 90; ++i) {
      ASSERT_TRUE(spawn([context = end.context()] { context.wait(); }));
      ASSERT_TRUE(sleep_for(second_ns));
    }
    EXPECT_TRUE((*pool)->join());
    end.cancel();
  });
  ASSERT_EQ(reports_.size(), 1U) << "the next window has just begun";
  EXPECT_EQ(reports_[0].rule, LeakRule::coroutines_grow);
  EXPECT_EQ(reports_[0].at_ns, 60 * second_ns);
  EXPECT_NE(reports_[0].text.find("[cancellation, "), std::string::npos) << reports_[0].text;
  EXPECT_NE(reports_[0].text.find("worker_pool_test.cpp"), std::string::npos);
}

TEST_P(LeakDetectorTest, SlowGrowthAndAHandfulAreNoLeak) {
  run([this] {
    const CancelSource end;
    const auto wait_for_end = [context = end.context()] { context.wait(); };
    for (int i = 0; i < 200; ++i) ASSERT_TRUE(spawn(wait_for_end));
    auto pool = WorkerPool<int, void>::start({.workers = 2, .report = report()},
                                             [](int&, const Context&) {});
    ASSERT_TRUE(pool);
    for (int i = 0; i < 100; ++i) {  // some 18 % a minute, and less and less
      ASSERT_TRUE(spawn(wait_for_end));
      ASSERT_TRUE(sleep_for(5 * second_ns / 3));
    }
    EXPECT_TRUE((*pool)->join());
    end.cancel();
  });
  EXPECT_TRUE(reports_.empty()) << reports_.front().text;
}

void join_when_the_report_has_thrown() {
  VirtualClock clock;
  auto runtime = Runtime::create({.clock = &clock});
  std::ignore = (*runtime)->run([] {
    auto pool = WorkerPool<int, int>::start(
        {.workers = 1,
         .results_max = 1,
         .report = [](const LeakReport&) { throw std::runtime_error("the log is full"); }},
        [](int& task, const Context&) { return task; });
    for (int task = 0; task < 2; ++task) std::ignore = (*pool)->submit(task);
    std::ignore = sleep_for(20 * second_ns);
    for (int task = 0; task < 2; ++task) std::ignore = (*pool)->receive();
    std::ignore = (*pool)->join();
    std::fputs("joined in spite of it\n", stderr);
    std::_Exit(0);
  });
}

TEST(LeakDetectorDeathTest, WhatAReportThrowsEndsTheProcessInJoinByItsPlace) {
  testing::GTEST_FLAG(death_test_style) = "threadsafe";
  EXPECT_DEATH(join_when_the_report_has_thrown(),
               "^c1m runtime: nobody has taken .*worker_pool.hpp.*the log is full");
}

TEST(LeakRuleTest, NamesAreUnique) {
  const std::set<std::string> names{
      name_of(LeakRule::coroutines_grow), name_of(LeakRule::tasks_blocked),
      name_of(LeakRule::results_unread), name_of(LeakRule::workers_alive)};
  EXPECT_EQ(names.size(), 4U);
  EXPECT_FALSE(names.contains("?"));
}

}  // namespace
}  // namespace c1m::runtime
