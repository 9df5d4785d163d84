// Names to addresses, and leaving a call before it ends: by a deadline, a context, a stop.
#include "runtime/name_lookup.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>

#include "runtime/detached_call.hpp"
#include "runtime/network_fixture.hpp"
#include "runtime/runtime_fixture.hpp"
#include "runtime/sleep.hpp"
#include "runtime/spawn.hpp"
#include "runtime/yield.hpp"

namespace c1m::runtime {
namespace {

class NameLookupTest : public RuntimeTest {};
C1M_FOR_ALL_PROCESSOR_COUNTS(NameLookupTest);

TEST_P(NameLookupTest, FindsAddresses) {
  run([] {
    const auto numeric = resolve("127.0.0.1", "7000");
    ASSERT_TRUE(numeric) << os::describe(numeric.error());
    ASSERT_EQ(numeric->size(), 1U);
    EXPECT_EQ(numeric->front().to_string(), "127.0.0.1:7000");
    const auto local = resolve("localhost", "7000");
    ASSERT_TRUE(local) << os::describe(local.error());
    EXPECT_TRUE(local->front().is_loopback());
    EXPECT_EQ(local->front().port(), 7000);
  });
}

TEST_P(NameLookupTest, AnUnknownNameFailsInWords) {
  run([] {
    const auto nobody = resolve("name.invalid", "7000");
    ASSERT_FALSE(nobody);
    EXPECT_EQ(os::describe(nobody.error()).find("getaddrinfo (EAI_"), 0U);
    EXPECT_EQ(TcpStream::connect("name.invalid", "7000").error(), nobody.error());
  });
}

TEST_P(NameLookupTest, AStreamConnectsToAName) {
  run([] {
    auto [listener, endpoint] = listen();
    auto client = TcpStream::connect("localhost", std::to_string(endpoint.port()));
    ASSERT_TRUE(client) << os::describe(client.error());
    EXPECT_TRUE(listener.accept());
    listener.close();
    const auto refused = TcpStream::connect("127.0.0.1", std::to_string(endpoint.port()));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error(), (os::Error{ECONNREFUSED, "connect"}));
  });
}

// A call that lasts until it is let go, which only whoever has left it, or runs beside it, does.
struct LongCall {
  std::shared_ptr<std::atomic<bool>> let_go = std::make_shared<std::atomic<bool>>(false);
  std::shared_ptr<std::atomic<bool>> ended = std::make_shared<std::atomic<bool>>(false);

  [[nodiscard]] os::Result<void> make(os::Nanoseconds deadline_ns = no_deadline,
                                      const Context& context = background) const {
    return call_detached(
        [copy = *this] {
          while (!copy.let_go->load()) std::this_thread::sleep_for(std::chrono::microseconds(50));
          copy.ended->store(true);
        },
        WaitReason::name_lookup, deadline_ns, context);
  }
};

class DetachedCallTest : public RuntimeTest {};
C1M_FOR_ALL_PROCESSOR_COUNTS(DetachedCallTest);

TEST_P(DetachedCallTest, OthersRunAndADumpSaysTheReasonWhileItLasts) {
  run([this] {
    const LongCall call;
    ASSERT_TRUE(spawn([this, call] {
      while (to_text(runtime().dump()).find("[name look-up") == std::string::npos) {
        ASSERT_TRUE(sleep_for(os::ns_per_ms));
      }
      call.let_go->store(true);
    }));
    EXPECT_TRUE(call.make());
    EXPECT_TRUE(call.ended->load());
  });
}

TEST_P(DetachedCallTest, IsLeftAtItsDeadline) {
  run([] {
    const LongCall call;
    EXPECT_EQ(call.make(now_ns() + os::ns_per_ms).error().code, ETIMEDOUT);
    EXPECT_FALSE(call.ended->load());
    call.let_go->store(true);
  });
}

TEST_P(DetachedCallTest, IsLeftWhenItsContextIsCancelled) {
  run([] {
    const LongCall call;
    const CancelSource source;
    ASSERT_TRUE(spawn([source] { source.cancel(); }));
    EXPECT_EQ(call.make(no_deadline, source.context()).error().code, ECANCELED);
    EXPECT_FALSE(call.ended->load());
    call.let_go->store(true);
    // And one that is cancelled already is not made.
    const LongCall never;
    EXPECT_EQ(never.make(no_deadline, source.context()).error().code, ECANCELED);
  });
}

TEST_P(DetachedCallTest, IsLeftWhenTheRuntimeStops) {
  const LongCall call;
  run([this, call] {
    ASSERT_TRUE(spawn([this] { runtime().stop(); }));
    EXPECT_EQ(call.make().error().code, ECANCELED);
    call.let_go->store(true);
  });
  EXPECT_TRUE(call.ended->load()) << "run() has waited for it";
}

TEST_P(DetachedCallTest, EndsAndDeadlinesAtTheSameTime) {
  constexpr int calls = C1M_TSAN ? 100 : 1000;
  std::atomic<int> settled = 0;
  run([&settled] {
    for (int i = 0; i < calls; ++i) {
      const auto body = [&settled, i] {
        const auto answer = std::make_shared<int>(0);
        const auto ended = call_detached([answer, i] { *answer = i + 1; }, WaitReason::name_lookup,
                                         now_ns() + i * 100, background);
        if (ended) {
          EXPECT_EQ(*answer, i + 1);
        } else {
          EXPECT_EQ(ended.error().code, ETIMEDOUT);
        }
        ++settled;
      };
      ASSERT_TRUE(
          spawn(body, {.stack = i % 2 == 0 ? StackPolicy::compact : StackPolicy::dedicated}));
    }
  });
  EXPECT_EQ(settled.load(), calls);
}

}  // namespace
}  // namespace c1m::runtime
