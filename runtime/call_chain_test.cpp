// A dump shows where each coroutine is parked, and who waits for whom.
#include "runtime/call_chain.hpp"

#include <algorithm>
#include <string>

#include "runtime/call_names.hpp"
#include "runtime/channel.hpp"
#include "runtime/join_handle.hpp"
#include "runtime/mutex.hpp"
#include "runtime/runtime_fixture.hpp"
#include "runtime/shared_mutex.hpp"
#include "runtime/spawn.hpp"
#include "runtime/yield.hpp"

// Outside of the runtime's namespace, as a user's functions are.
namespace sight_sample {

using c1m::runtime::Channel;
using c1m::runtime::Mutex;

constexpr std::uint_least32_t receive_line = std::source_location::current().line() + 3;
[[gnu::noinline]] void receive_one(Channel<int>& numbers) {
  // The line that a dump names.
  const auto received = numbers.receive();
  asm volatile("" : : "g"(&received) : "memory");
}

[[gnu::noinline]] void wait_for_the_lock(Mutex& mutex) {
  const std::lock_guard lock(mutex);
  asm volatile("" : : : "memory");
}

}  // namespace sight_sample

namespace c1m::runtime {
namespace {

TEST(CallNamesTest, TellsMachineryFromTheUsersFunctions) {
  for (const char* name :
       {"c1m::runtime::Worker::park()", "std::lock_guard<app::Lock>::lock_guard(app::Lock&)",
        "std::expected<int, c1m::os::Error> c1m::runtime::f<app::T (*)(int)>(int)",
        "c1m::runtime::(anonymous namespace)::look()"}) {
    EXPECT_TRUE(is_machinery(name)) << name;
  }
  for (const char* name :
       {"app::serve(c1m::runtime::TcpStream&)", "void app::f<c1m::runtime::Mutex>(int)",
        "app::(anonymous namespace)::f()::{lambda(std::string)#1}::operator()(std::string) const",
        "main"}) {
    EXPECT_FALSE(is_machinery(name)) << name;
  }
}

class CallChainTest : public RuntimeTest {
 protected:
  std::vector<CoroutineFacts> waiting_for(WaitReason reason) {
    dump_ = runtime().dump();
    std::vector<CoroutineFacts> found;
    std::ranges::copy_if(
        dump_.coroutines, std::back_inserter(found), [reason](const CoroutineFacts& facts) {
          return facts.state == CoroutineState::waiting && facts.wait.reason == reason;
        });
    return found;
  }
  CoroutineFacts await_one(WaitReason reason) {
    for (;;) {
      if (const auto found = waiting_for(reason); found.size() == 1) return found[0];
      yield();
    }
  }
  std::string place_of(const CoroutineFacts& facts) {
    return places_of(dump_.call_chains).at(facts.parked_at);
  }

  RuntimeDump dump_;
};
C1M_FOR_ALL_PROCESSOR_COUNTS(CallChainTest);

TEST_P(CallChainTest, NamesTheUsersFunctionAndItsLine) {
  run([this] {
    Channel<int> numbers;
    ASSERT_TRUE(spawn([&numbers] { sight_sample::receive_one(numbers); }));
    const CoroutineFacts receiver = await_one(WaitReason::channel_receive);
    const std::string place = place_of(receiver);
    EXPECT_NE(place.find("call_chain_test.cpp:" + std::to_string(sight_sample::receive_line)),
              std::string::npos)
        << place;
    EXPECT_NE(place.find("sight_sample::receive_one"), std::string::npos) << place;
    EXPECT_EQ(receiver.awaited, &numbers);
    const std::string text = to_text(dump_);
    EXPECT_NE(text.find("    parked at " + place + "\n"), std::string::npos) << text;
    ASSERT_TRUE(numbers.send(1));
    while (runtime().live() > 1) yield();
  });
}

TEST_P(CallChainTest, GroupsByThePlace) {
  run([this] {
    Channel<int> numbers;
    Mutex mutex;
    const auto wait_somewhere = [&](bool for_channel) {
      for_channel ? sight_sample::receive_one(numbers) : sight_sample::wait_for_the_lock(mutex);
    };
    {
      const std::lock_guard lock(mutex);
      for (int i = 0; i < 6; ++i) {
        ASSERT_TRUE(spawn([=] { wait_somewhere(i % 3 == 0); }));
      }
      while (waiting_for(WaitReason::mutex).size() != 4) yield();
      while (waiting_for(WaitReason::channel_receive).size() != 2) yield();
      const std::string text = to_text(dump_);
      EXPECT_NE(text.find("\n4 [mutex, "), std::string::npos) << text;
      EXPECT_NE(text.find("\n2 [channel receive, "), std::string::npos) << text;
      EXPECT_NE(text.find("sight_sample::wait_for_the_lock"), std::string::npos) << text;
    }
    ASSERT_TRUE(numbers.send(1));
    ASSERT_TRUE(numbers.send(1));
    while (runtime().live() > 1) yield();  // they use what is here
  });
}

TEST_P(CallChainTest, SaysSoWhenFramesAreFrozen) {
  if (!compact_stacks_work) GTEST_SKIP() << "AddressSanitizer has no compact stacks";
  run([this] {
    // More than there are slots, so some must be frozen; each waits at the same place.
    constexpr std::size_t count = 1200;
    auto numbers = std::make_unique<Channel<int>>();
    for (std::size_t i = 0; i < count; ++i) {
      ASSERT_TRUE(spawn([&channel = *numbers] { sight_sample::receive_one(channel); },
                        {.stack = StackPolicy::compact}));
    }
    while (waiting_for(WaitReason::channel_receive).size() != count) {
      for (int i = 0; i < 100; ++i) yield();
    }
    const auto count_of = [this](ChainKind kind) {
      return std::ranges::count_if(dump_.coroutines, [&](const CoroutineFacts& facts) {
        return dump_.call_chains[facts.parked_at].kind == kind;
      });
    };
    EXPECT_GE(count_of(ChainKind::frames), 1);
    EXPECT_GE(count_of(ChainKind::frozen), 1);
    EXPECT_NE(to_text(dump_).find("frozen"), std::string::npos);
    numbers->close();
    while (runtime().live() > 1) yield();
  });
}

TEST_P(CallChainTest, SaysWhoHoldsWhatIsWaitedFor) {
  run([this] {
    Mutex mutex;
    SharedMutex shared;
    const CancelSource end;
    auto task = spawn_joinable([&] {
      const std::lock_guard lock(mutex);
      const std::lock_guard writer(shared);
      EXPECT_FALSE(Channel<int>().receive(end.context()));
    });
    ASSERT_TRUE(task);
    const CoroutineFacts holder = await_one(WaitReason::channel_receive);
    EXPECT_EQ(holder.waits_for, 0U);
    auto locker = spawn_joinable([&] { sight_sample::wait_for_the_lock(mutex); });
    auto reader = spawn_joinable([&] {
      shared.lock_shared();
      shared.unlock_shared();
    });
    auto joiner = spawn_joinable([&] { task->join(); });
    ASSERT_TRUE(locker && reader && joiner);
    for (const WaitReason reason : {WaitReason::mutex, WaitReason::read_lock, WaitReason::join}) {
      EXPECT_EQ(await_one(reason).waits_for, holder.id) << name_of(reason);
    }
    end.cancel();
    locker->join();
    reader->join();
    joiner->join();
  });
}

}  // namespace
}  // namespace c1m::runtime
