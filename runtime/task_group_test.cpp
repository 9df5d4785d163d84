// The article's table of contexts (R5) on groups, in virtual time: a timeout cancels every child, a
// cancel goes through three generations, a child that is cancelled is silent, one that fails takes
// the whole scope with it, and a supervisor keeps failures apart.
#include "runtime/task_group.hpp"

#include <atomic>
#include <cerrno>
#include <functional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "runtime/runtime_fixture.hpp"
#include "runtime/sleep.hpp"
#include "runtime/virtual_clock.hpp"
#include "runtime/yield.hpp"

namespace c1m::runtime {
namespace {

constexpr os::Nanoseconds second_ns = os::ns_per_s;
constexpr os::Nanoseconds hour_ns = 3600 * second_ns;

class TaskGroupTest : public RuntimeTest {
 protected:
  VirtualClock* clock() override { return &clock_; }

  VirtualClock clock_;
};
C1M_FOR_ALL_PROCESSOR_COUNTS(TaskGroupTest);

// As users write them: an error of a wait is returned.
os::Result<void> sleeps(const Context& context, os::Nanoseconds duration_ns) {
  return sleep_for(duration_ns, context);
}

TEST_P(TaskGroupTest, WaitsForAllAndSeesWhatTheyWrote) {
  std::vector<int> written(200, 0);  // plain on purpose: ThreadSanitizer checks the order
  run([&written] {
    TaskGroup group;
    for (int& place : written) {
      ASSERT_TRUE(group.spawn([&place] {
        yield();
        place = 1;
      }));
    }
    EXPECT_TRUE(group.join());
    for (const int each : written) EXPECT_EQ(each, 1);
    EXPECT_FALSE(group.context().is_cancelled());
  });
}

TEST_P(TaskGroupTest, OfNothingIsJoinedAtOnce) {
  run([] {
    TaskGroup group;
    EXPECT_TRUE(group.join());
    const TaskGroup dropped;
  });
}

TEST_P(TaskGroupTest, ATimeoutOf3000AroundADelayOf5000CancelsEveryChild) {
  std::atomic<int> cancelled = 0;
  run([&cancelled] {
    TaskGroup group = TaskGroup::with_timeout(3000 * os::ns_per_ms);
    for (int i = 0; i < 10; ++i) {
      ASSERT_TRUE(group.spawn([&cancelled](const Context& context) -> os::Result<void> {
        auto slept = sleep_for(5000 * os::ns_per_ms, context);
        EXPECT_FALSE(slept);
        EXPECT_EQ(now_ns(), 3000 * os::ns_per_ms);
        cancelled.fetch_add(1);
        return slept;
      }));
    }
    const auto joined = group.join();
    ASSERT_FALSE(joined);
    EXPECT_EQ(joined.error().code, ETIMEDOUT);
    EXPECT_EQ(now_ns(), 3000 * os::ns_per_ms);
  });
  EXPECT_EQ(cancelled.load(), 10);
}

TEST_P(TaskGroupTest, ATimeoutThatIsNotReachedChangesNothing) {
  run([] {
    TaskGroup group = TaskGroup::with_timeout(5000 * os::ns_per_ms);
    ASSERT_TRUE(group.spawn([](const Context& context) { return sleeps(context, 3 * second_ns); }));
    EXPECT_TRUE(group.join());
    EXPECT_EQ(now_ns(), 3 * second_ns);
  });
}

// Each generation opens a group below the one above, and has children there.
os::Result<void> has_children(const Context& context, int generations, std::atomic<int>& cut) {
  TaskGroup group(context);
  for (int i = 0; i < 2; ++i) {
    if (generations == 1) {
      auto spawned = group.spawn([&cut](const Context& mine) {
        auto slept = sleeps(mine, hour_ns);
        if (!slept && slept.error().code == ECANCELED) cut.fetch_add(1);
        return slept;
      });
      if (!spawned) return spawned;
    } else {
      auto spawned = group.spawn([&cut, generations](const Context& mine) {
        return has_children(mine, generations - 1, cut);
      });
      if (!spawned) return spawned;
    }
  }
  return group.join();
}

TEST_P(TaskGroupTest, ACancelledParentCancelsThreeGenerations) {
  std::atomic<int> cut = 0;
  run([&cut] {
    const CancelSource parent;
    ASSERT_TRUE(spawn([parent] {
      EXPECT_TRUE(sleep_for(second_ns));
      parent.cancel();
    }));
    const auto joined = has_children(parent.context(), 3, cut);
    ASSERT_FALSE(joined);
    EXPECT_EQ(joined.error().code, ECANCELED);
    EXPECT_EQ(now_ns(), second_ns);
  });
  EXPECT_EQ(cut.load(), 8);
}

TEST_P(TaskGroupTest, AChildThatIsCancelledIsSilentAndTheParentGoesOn) {
  bool others_went_on = false;
  run([&others_went_on] {
    TaskGroup group;
    const CancelSource only_one(group.context());
    ASSERT_TRUE(group.spawn([context = only_one.context()] { return sleeps(context, hour_ns); }));
    ASSERT_TRUE(group.spawn([] {  // the same as an exception
      throw std::system_error(std::make_error_code(std::errc::operation_canceled));
    }));
    ASSERT_TRUE(group.spawn([&others_went_on](const Context& context) {
      auto slept = sleeps(context, 2 * second_ns);
      others_went_on = slept.has_value();
      return slept;
    }));
    only_one.cancel();
    EXPECT_TRUE(group.join());
    EXPECT_FALSE(group.context().is_cancelled());
    EXPECT_EQ(now_ns(), 2 * second_ns);
  });
  EXPECT_TRUE(others_went_on);
}

TEST_P(TaskGroupTest, AChildThatThrowsCancelsTheScopeAndPropagates) {
  std::atomic<int> cancelled = 0;
  run([&cancelled] {
    TaskGroup group;
    for (int i = 0; i < 5; ++i) {
      ASSERT_TRUE(group.spawn([&cancelled](const Context& context) {
        auto slept = sleeps(context, hour_ns);
        if (!slept) cancelled.fetch_add(1);
        return slept;
      }));
    }
    ASSERT_TRUE(group.spawn([] {
      EXPECT_TRUE(sleep_for(second_ns));
      throw std::runtime_error("out of tape");
    }));
    try {
      std::ignore = group.join();
      ADD_FAILURE() << "nothing was thrown";
    } catch (const std::runtime_error& error) {
      EXPECT_STREQ(error.what(), "out of tape");
    }
    EXPECT_EQ(now_ns(), second_ns);
  });
  EXPECT_EQ(cancelled.load(), 5);
}

TEST_P(TaskGroupTest, AnErrorResultIsAFailureToo) {
  run([] {
    TaskGroup group;
    ASSERT_TRUE(group.spawn([](const Context& context) { return sleeps(context, hour_ns); }));
    ASSERT_TRUE(group.spawn([] -> os::Result<int> { return os::fail(EPIPE, "write"); }));
    const auto joined = group.join();
    ASSERT_FALSE(joined);
    EXPECT_EQ(joined.error(), (os::Error{EPIPE, "write"}));
    EXPECT_EQ(now_ns(), 0);
    EXPECT_EQ(std::get<os::Error>(*group.context().cause()).code, EPIPE);
  });
}

TEST_P(TaskGroupTest, TheFirstFailureCounts) {
  run([] {
    TaskGroup group;
    ASSERT_TRUE(group.spawn([](const Context& context) -> os::Result<void> {
      context.wait();
      return os::fail(EIO, "clean up");  // because it was cancelled by the first
    }));
    ASSERT_TRUE(group.spawn([] -> os::Result<void> { return os::fail(EPIPE, "write"); }));
    const auto joined = group.join();
    ASSERT_FALSE(joined);
    EXPECT_EQ(joined.error().code, EPIPE);
  });
}

TEST_P(TaskGroupTest, ATimeLimitOfAChildsOwnIsAFailure) {
  run([] {
    TaskGroup group = TaskGroup::with_timeout(hour_ns);
    ASSERT_TRUE(group.spawn([](const Context& context) {
      const auto mine = CancelSource::with_timeout(second_ns, context);
      return sleeps(mine.context(), 2 * second_ns);
    }));
    ASSERT_TRUE(group.spawn([](const Context& context) { return sleeps(context, hour_ns / 2); }));
    const auto joined = group.join();
    ASSERT_FALSE(joined);
    EXPECT_EQ(joined.error().code, ETIMEDOUT);
    EXPECT_EQ(now_ns(), second_ns);
  });
}

TEST_P(TaskGroupTest, WhoCancelsItsOwnGroupKnowsIt) {
  run([] {
    TaskGroup group;
    ASSERT_TRUE(group.spawn([](const Context& context) { return sleeps(context, hour_ns); }));
    yield();
    group.cancel();
    EXPECT_TRUE(group.join());
    EXPECT_EQ(now_ns(), 0);
  });
}

TEST_P(TaskGroupTest, WhatComesAfterAllIsDoneIsNotItsOutcome) {
  run([] {
    TaskGroup group = TaskGroup::with_timeout(second_ns);
    ASSERT_TRUE(group.spawn([] {}));
    ASSERT_TRUE(sleep_for(2 * second_ns));
    EXPECT_TRUE(group.join()) << "the task had ended in time";
  });
}

TEST_P(TaskGroupTest, ADroppedGroupCancelsAndWaits) {
  std::atomic<int> ended = 0;
  run([&ended] {
    const auto opens_and_fails = [&ended] {
      TaskGroup group;
      for (int i = 0; i < 3; ++i) {
        ASSERT_TRUE(group.spawn([&ended](const Context& context) -> os::Result<void> {
          EXPECT_FALSE(sleep_for(hour_ns, context));
          yield();
          ended.fetch_add(1);
          return os::fail(EIO, "clean up");
        }));
      }
      yield();
      throw std::runtime_error("of the owner");
    };
    EXPECT_THROW(opens_and_fails(), std::runtime_error);
    EXPECT_EQ(ended.load(), 3) << "the destructor waits, also while an exception passes";
    EXPECT_EQ(now_ns(), 0);
  });
}

TEST_P(TaskGroupTest, TasksAddTasks) {
  std::atomic<int> leaves = 0;
  run([&leaves] {
    TaskGroup group;
    std::function<void(int)> grow = [&](int depth) {
      if (depth == 0) {
        leaves.fetch_add(1);
        return;
      }
      for (int i = 0; i < 3; ++i) {
        ASSERT_TRUE(group.spawn([&grow, depth] { grow(depth - 1); }));
      }
    };
    grow(4);
    EXPECT_TRUE(group.join());
    EXPECT_EQ(leaves.load(), 81);
  });
}

TEST_P(TaskGroupTest, AThreadOwnsOne) {
  std::atomic<int> ended = 0;
  std::atomic<bool> end = false;
  std::thread outside([&, this] {
    for (int round = 0; round < 20; ++round) {
      TaskGroup group(runtime());
      for (int i = 0; i < 5; ++i) {
        ASSERT_TRUE(group.spawn([&ended] {
          yield();
          ended.fetch_add(1);
        }));
      }
      EXPECT_TRUE(group.join());
      EXPECT_EQ(ended.load(), 5 * (round + 1));
    }
    TaskGroup failing(runtime());
    ASSERT_TRUE(failing.spawn([] { throw std::runtime_error("inside"); }));
    EXPECT_THROW(std::ignore = failing.join(), std::runtime_error);
    end.store(true);
  });
  run([&end] {
    while (!end.load()) yield();
  });
  outside.join();
}

TEST_P(TaskGroupTest, CompactTasksAndOwners) {
  std::atomic<int> ended = 0;
  run([&ended] {
    for (int i = 0; i < 40; ++i) {
      ASSERT_TRUE(spawn(
          [&ended] {
            TaskGroup group;
            for (int j = 0; j < 3; ++j) {
              ASSERT_TRUE(group.spawn(
                  [&ended](const Context& context) {
                    auto slept = sleeps(context, second_ns);
                    ended.fetch_add(1);
                    return slept;
                  },
                  {.stack = StackPolicy::compact}));
            }
            EXPECT_TRUE(group.join());
          },
          {.stack = StackPolicy::compact}));
    }
  });
  EXPECT_EQ(ended.load(), 120);
}

// --- supervisors ---------------------------------------------------------------------------------

TEST_P(TaskGroupTest, ASupervisorKeepsFailuresApart) {
  run([] {
    SupervisorGroup group;
    auto throws = group.spawn([] {
      EXPECT_TRUE(sleep_for(second_ns));
      throw std::runtime_error("out of tape");
    });
    auto fails = group.spawn([] -> os::Result<int> { return os::fail(EPIPE, "write"); });
    auto returns = group.spawn([](const Context& context) {
      EXPECT_TRUE(sleep_for(2 * second_ns, context));
      return 7;
    });
    ASSERT_TRUE(throws && fails && returns);
    EXPECT_TRUE(group.join());
    EXPECT_EQ(now_ns(), 2 * second_ns);
    EXPECT_THROW(throws->join(), std::runtime_error);
    EXPECT_EQ(fails->join().error().code, EPIPE);
    EXPECT_EQ(returns->join(), 7);
    EXPECT_FALSE(group.context().is_cancelled());
  });
}

TEST_P(TaskGroupTest, ASupervisorIsBoundedToItsContext) {
  run([] {
    SupervisorGroup group = SupervisorGroup::with_timeout(3 * second_ns);
    auto handle = group.spawn([](const Context& context) { return sleeps(context, hour_ns); });
    ASSERT_TRUE(handle);
    EXPECT_EQ(handle->join().error().code, ETIMEDOUT);
    const auto joined = group.join();
    ASSERT_FALSE(joined);
    EXPECT_EQ(joined.error().code, ETIMEDOUT);
    EXPECT_EQ(now_ns(), 3 * second_ns);
  });
}

TEST_P(TaskGroupTest, ADroppedSupervisorCancelsAndWaits) {
  run([] {
    JoinHandle<os::Result<void>> outlives;
    {
      SupervisorGroup group;
      auto handle = group.spawn([](const Context& context) { return sleeps(context, hour_ns); });
      ASSERT_TRUE(handle);
      outlives = std::move(*handle);
    }
    EXPECT_TRUE(outlives.finished());
    EXPECT_EQ(outlives.join().error().code, ECANCELED);
  });
}

// --- misuse --------------------------------------------------------------------------------------

void spawn_after_join() {
  auto runtime = Runtime::create({});
  std::ignore = (*runtime)->run([] {
    TaskGroup group;
    std::ignore = group.join();
    std::ignore = group.spawn([] {});
  });
}

TEST(TaskGroupDeathTest, StartsNothingAfterItsJoin) {
  testing::GTEST_FLAG(death_test_style) = "threadsafe";
  EXPECT_DEATH(spawn_after_join(), "starts nothing");
}

}  // namespace
}  // namespace c1m::runtime
