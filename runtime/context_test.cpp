// Contexts made from contexts: a parent's cancel and its deadline reach all below and nothing else,
// the cause stays the canceller's, values are found; and nothing is left of what is dropped.
#include <algorithm>
#include <atomic>
#include <cerrno>
#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <variant>
#include <vector>

#include "runtime/alarm.hpp"
#include "runtime/cancellation.hpp"
#include "runtime/runtime_fixture.hpp"
#include "runtime/sleep.hpp"
#include "runtime/spawn.hpp"
#include "runtime/ticker.hpp"
#include "runtime/virtual_clock.hpp"
#include "runtime/yield.hpp"

namespace c1m::runtime {
namespace {

constexpr os::Nanoseconds hour_ns = 3600 * os::ns_per_s;

class ContextTest : public RuntimeTest {
 protected:
  VirtualClock* clock() override { return &clock_; }

  VirtualClock clock_{VirtualClock::Moves::when_idle, 7};
};
C1M_FOR_ALL_PROCESSOR_COUNTS(ContextTest);

// What failed with an operating error.
os::Error error_of(const Context& context) {
  return std::get<os::Error>(*context.cause());
}

TEST_P(ContextTest, ACancelGoesThroughThreeGenerations) {
  std::atomic<int> cancelled = 0;
  const CancelSource root;
  const CancelSource child(root.context());
  const CancelSource grandchild(child.context());
  const CancelSource sibling(root.context());
  run([&] {
    for (const Context& context : {child.context(), grandchild.context(), sibling.context()}) {
      ASSERT_TRUE(spawn([&cancelled, context] {
        const auto slept = sleep_for(hour_ns, context);
        ASSERT_FALSE(slept);
        EXPECT_EQ(slept.error().code, ECANCELED);
        EXPECT_EQ(now_ns(), 7 + os::ns_per_s);
        cancelled.fetch_add(1);
      }));
    }
    ASSERT_TRUE(sleep_for(os::ns_per_s));
    EXPECT_EQ(cancelled.load(), 0);
    root.cancel(os::Error{EPIPE, "the peer has gone"});
  });
  EXPECT_EQ(cancelled.load(), 3);
  EXPECT_EQ(error_of(grandchild.context()), (os::Error{EPIPE, "the peer has gone"}));
}

TEST_P(ContextTest, ACancelReachesNeitherParentNorSibling) {
  const CancelSource root;
  const CancelSource child(root.context());
  const CancelSource sibling(root.context());
  const CancelSource grandchild(child.context());
  child.cancel();
  EXPECT_FALSE(root.context().is_cancelled());
  EXPECT_FALSE(sibling.context().is_cancelled());
  EXPECT_EQ(root.context().cause(), nullptr);
  EXPECT_TRUE(child.context().is_cancelled());
  EXPECT_TRUE(grandchild.context().is_cancelled());
}

TEST_P(ContextTest, TheFirstCauseCountsInEachContext) {
  const CancelSource root;
  const CancelSource child(root.context());
  const CancelSource grandchild(child.context());
  child.cancel(os::Error{EPIPE, "first"});
  root.cancel(os::Error{EIO, "second"});
  root.cancel(os::Error{EPERM, "third"});
  EXPECT_EQ(error_of(child.context()).code, EPIPE);
  EXPECT_EQ(error_of(grandchild.context()).code, EPIPE);
  EXPECT_EQ(error_of(root.context()).code, EIO);
  EXPECT_EQ(child.context().error(), ECANCELED) << "that is how waits fail, whatever the cause";
}

TEST_P(ContextTest, ACauseMayBeAnException) {
  const CancelSource root;
  const CancelSource child(root.context());
  root.cancel(std::make_exception_ptr(std::runtime_error("out of tape")));
  ASSERT_NE(child.context().cause(), nullptr);
  try {
    std::ignore = deliver(*child.context().cause());
    FAIL() << "nothing was thrown";
  } catch (const std::runtime_error& error) {
    EXPECT_STREQ(error.what(), "out of tape");
  }
}

TEST_P(ContextTest, WhatIsMadeFromACancelledContextIsCancelled) {
  const CancelSource root;
  root.cancel(os::Error{EPIPE, "gone"});
  const CancelSource child(root.context());
  const CancelSource grandchild = CancelSource::with_deadline(hour_ns, child.context());
  EXPECT_EQ(error_of(child.context()).code, EPIPE);
  EXPECT_EQ(error_of(grandchild.context()).code, EPIPE);
}

TEST_P(ContextTest, ATimeoutEndsTheWaitsOfAllBelowAtItsTime) {
  std::atomic<int> ended = 0;
  run([&] {
    const auto root = CancelSource::with_timeout(3 * hour_ns);
    const CancelSource child(root.context());
    const auto later = CancelSource::with_timeout(5 * hour_ns, child.context());
    EXPECT_EQ(later.context().deadline_ns(), 7 + 3 * hour_ns) << "the parent's comes before";
    for (const Context& context : {root.context(), child.context(), later.context()}) {
      ASSERT_TRUE(spawn([&ended, context] {
        const auto slept = sleep_for(5 * hour_ns, context);
        ASSERT_FALSE(slept);
        EXPECT_EQ(slept.error().code, ETIMEDOUT);
        EXPECT_EQ(now_ns(), 7 + 3 * hour_ns);
        EXPECT_EQ(error_of(context).code, ETIMEDOUT);
        ended.fetch_add(1);
      }));
    }
    ASSERT_TRUE(sleep_for(2 * hour_ns, root.context()));
    EXPECT_FALSE(root.context().is_cancelled());
  });
  EXPECT_EQ(ended.load(), 3);
}

TEST_P(ContextTest, AnEarlierDeadlineBelowLeavesTheParentAlone) {
  run([] {
    const auto root = CancelSource::with_timeout(3 * hour_ns);
    const auto child = CancelSource::with_timeout(hour_ns, root.context());
    child.context().wait();
    EXPECT_EQ(now_ns(), 7 + hour_ns);
    EXPECT_EQ(child.context().error(), ETIMEDOUT);
    EXPECT_FALSE(root.context().is_cancelled());
  });
}

TEST_P(ContextTest, ACancelBeforeTheDeadlineKeepsItsCause) {
  run([] {
    const auto source = CancelSource::with_timeout(hour_ns);
    source.cancel(os::Error{EPIPE, "gone"});
    ASSERT_TRUE(sleep_for(2 * hour_ns));
    EXPECT_EQ(source.context().error(), ECANCELED);
    EXPECT_EQ(error_of(source.context()).code, EPIPE);
  });
}

TEST_P(ContextTest, ACancelAfterTheDeadlineWasSeenChangesNothing) {
  run([] {
    const auto source = CancelSource::with_timeout(hour_ns);
    ASSERT_TRUE(sleep_for(2 * hour_ns));
    EXPECT_EQ(source.context().error(), ETIMEDOUT);
    source.cancel();
    EXPECT_EQ(source.context().error(), ETIMEDOUT);
  });
}

TEST_P(ContextTest, ADeadlineThatHasPassedLetsNoWaitBegin) {
  run([] {
    const auto source = CancelSource::with_deadline(now_ns());
    const auto slept = sleep_for(hour_ns, source.context());
    ASSERT_FALSE(slept);
    EXPECT_EQ(slept.error().code, ETIMEDOUT);
    EXPECT_EQ(now_ns(), 7);
    EXPECT_EQ(CancelSource::with_timeout(INT64_MAX).context().deadline_ns(), no_deadline);
  });
}

TEST_P(ContextTest, EndsTickersAndAlarms) {
  run([] {
    const auto source = CancelSource::with_timeout(hour_ns);
    Ticker ticker(2 * hour_ns);
    const auto tick = ticker.wait(source.context());
    ASSERT_FALSE(tick);
    EXPECT_EQ(tick.error().code, ETIMEDOUT);
    EXPECT_EQ(now_ns(), 7 + hour_ns);
    Alarm alarm(hour_ns);
    const CancelSource other;
    ASSERT_TRUE(spawn([cancelling = other] { cancelling.cancel(); }));
    const auto came = alarm.wait(other.context());
    ASSERT_FALSE(came);
    EXPECT_EQ(came.error().code, ECANCELED);
    EXPECT_TRUE(alarm.wait()) << "it is still to come";
  });
}

TEST_P(ContextTest, StopEndsAWaitForADeadline) {
  run([this] {
    const auto source = CancelSource::with_timeout(hour_ns);
    ASSERT_TRUE(spawn([this] { runtime().stop(); }));
    source.context().wait();
    source.context().wait();
    EXPECT_EQ(now_ns(), 7);
    EXPECT_FALSE(source.context().is_cancelled());
  });
}

TEST_P(ContextTest, AThreadCancelsWhatCoroutinesWaitFor) {
  const CancelSource root;
  const CancelSource child(root.context());
  std::atomic<bool> waits = false;
  std::thread canceller([&] {
    while (!waits.load()) std::this_thread::yield();
    root.cancel();
  });
  run([&] {
    waits.store(true);
    child.context().wait();
  });
  canceller.join();
  EXPECT_TRUE(child.context().is_cancelled());
}

// --- values --------------------------------------------------------------------------------------

constexpr ContextKey<std::string> request_id("request id");
constexpr ContextKey<int> attempt("attempt");
constexpr ContextKey<int> shard("shard");

TEST_P(ContextTest, ValuesAreFoundThroughParents) {
  const Context request = background.with_value(request_id, std::string("r1"));
  const CancelSource source(request.with_value(attempt, 1));
  const Context second = source.context().with_value(attempt, 2);
  ASSERT_NE(second.value(request_id), nullptr);
  EXPECT_EQ(*second.value(request_id), "r1");
  EXPECT_EQ(*second.value(attempt), 2) << "the newest hides the others";
  EXPECT_EQ(*source.context().value(attempt), 1);
  EXPECT_EQ(request.value(attempt), nullptr);
  EXPECT_EQ(second.value(shard), nullptr) << "a key of the same type is another key";
  source.cancel();
  EXPECT_TRUE(second.is_cancelled());
  EXPECT_FALSE(request.is_cancelled());
}

TEST_P(ContextTest, AValueLivesAsLongAsAContextThatHasIt) {
  static constexpr ContextKey<std::shared_ptr<int>> shared("shared");
  auto given = std::make_shared<int>(1);
  const std::weak_ptr<int> watched = given;
  std::optional<CancelSource> source(background.with_value(shared, std::move(given)));
  std::optional<Context> below = source->context().with_value(attempt, 1);
  source.reset();
  EXPECT_FALSE(watched.expired());
  below.reset();
  EXPECT_TRUE(watched.expired());
}

// --- what is dropped -----------------------------------------------------------------------------

TEST(CancelState, WhatIsDroppedIsNotLeftWithItsParent) {
  const auto root = Reference<CancelState>::adopt(new CancelState);
  auto below = Reference<CancelState>::adopt(new CancelState(root, no_deadline, nullptr));
  EXPECT_TRUE(root->has_states_below());
  below = {};
  EXPECT_FALSE(root->has_states_below());
}

TEST_P(ContextTest, ChainsOfAnyLengthAreCancelledAndDropped) {
  constexpr int generations = 100'000;
  run([] {  // on a coroutine's stack
    const CancelSource root;
    CancelSource last(root.context());
    for (int i = 0; i < generations; ++i) {
      last = CancelSource(last.context().with_value(attempt, i));
    }
    root.cancel();
    EXPECT_TRUE(last.context().is_cancelled());
  });
}

TEST_P(ContextTest, ContextsComeAndGoBesideACancel) {
  constexpr int rounds = C1M_TSAN ? 50 : 500;
  std::atomic<int> made = 0;
  run([&made] {
    for (int round = 0; round < rounds; ++round) {
      const CancelSource root;
      auto middle = std::make_shared<CancelSource>(root.context());
      for (int i = 0; i < 4; ++i) {
        ASSERT_TRUE(spawn([&made, middle] {
          const CancelSource mine(middle->context());
          yield();
          const CancelSource below = CancelSource::with_timeout(hour_ns, mine.context());
          below.context().wait();
          EXPECT_TRUE(below.context().is_cancelled());
          made.fetch_add(1);
        }));
      }
      middle.reset();
      if (round % 2 == 0) yield();
      root.cancel();
    }
  });
  EXPECT_EQ(made.load(), 4 * rounds);
}

TEST(Failure, KnowsTheErrnoOfSystemErrorsOnly) {
  EXPECT_EQ(errno_of(os::Error{EPIPE, "write"}), EPIPE);
  const auto thrown = [](const auto& exception) {
    return errno_of(std::make_exception_ptr(exception));
  };
  EXPECT_EQ(thrown(std::system_error(ECANCELED, std::system_category())), ECANCELED);
  EXPECT_EQ(thrown(std::system_error(std::make_error_code(std::errc::operation_canceled))),
            ECANCELED);
  EXPECT_EQ(thrown(std::runtime_error("else")), 0);
  EXPECT_EQ(thrown(1), 0);
}

}  // namespace
}  // namespace c1m::runtime
