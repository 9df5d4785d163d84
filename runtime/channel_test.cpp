// Channels between coroutines and plain threads: order, hand-over, what closing, deadlines and
// contexts do, and that each value exists once.
#include "runtime/channel.hpp"

#include <atomic>
#include <cerrno>
#include <memory>
#include <numeric>
#include <thread>
#include <vector>

#include "os/clock.hpp"
#include "runtime/runtime_fixture.hpp"
#include "runtime/sleep.hpp"
#include "runtime/spawn.hpp"
#include "runtime/wait_group.hpp"
#include "runtime/yield.hpp"

namespace c1m::runtime {
namespace {

class ChannelTest : public RuntimeTest {};
C1M_FOR_ALL_PROCESSOR_COUNTS(ChannelTest);

// Counts how many there are.
class Counted {
 public:
  explicit Counted(int number) : number_(std::make_unique<int>(number)) { ++alive; }
  Counted(Counted&& other) noexcept : number_(std::move(other.number_)) { ++alive; }
  Counted& operator=(Counted&&) = delete;
  ~Counted() { --alive; }
  [[nodiscard]] int number() const { return *number_; }
  [[nodiscard]] bool is_empty() const { return number_ == nullptr; }

  static inline std::atomic<int> alive = 0;

 private:
  std::unique_ptr<int> number_;
};

TEST_P(ChannelTest, WithoutRoomEachWaitsForTheOther) {
  Channel<int> channel;
  std::vector<int> got;
  run([&] {
    ASSERT_TRUE(spawn([&] {
      for (int i = 0; i < 1000; ++i) ASSERT_TRUE(channel.send(i));
      channel.close();
    }));
    for (const int value : channel) got.push_back(value);
  });
  std::vector<int> expected(1000);
  std::iota(expected.begin(), expected.end(), 0);
  EXPECT_EQ(got, expected);
}

TEST_P(ChannelTest, RoomIsUsedBeforeAnybodyWaits) {
  Channel<int> channel(3);
  EXPECT_EQ(channel.capacity(), 3U);
  run([&] {
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(channel.send(i));
    EXPECT_EQ(channel.size(), 3U);
    EXPECT_EQ(channel.try_send(3).error().code, EAGAIN);
    for (int i = 0; i < 3; ++i) EXPECT_EQ(channel.receive(), i);
    EXPECT_EQ(channel.try_receive().error().code, EAGAIN);
    EXPECT_EQ(channel.size(), 0U);
  });
}

TEST_P(ChannelTest, ManyToMany) {
  constexpr int each = C1M_TSAN ? 300 : 3000;
  for (const std::size_t capacity : {0U, 1U, 128U}) {
    Channel<int> channel(capacity);
    std::atomic<long> sum = 0;
    WaitGroup senders(4);
    run([&] {
      for (int i = 0; i < 4; ++i) {
        ASSERT_TRUE(spawn([&] {
          for (int value = 1; value <= each; ++value) ASSERT_TRUE(channel.send(value));
          senders.done();
        }));
        ASSERT_TRUE(spawn([&] {
          for (const int value : channel) sum.fetch_add(value);
        }));
      }
      senders.wait();
      channel.close();
    });
    EXPECT_EQ(sum.load(), 4L * each * (each + 1) / 2);
  }
}

// With one processor the order of coming is that of spawning.
TEST(ChannelOrder, WaitersAreServedInTheOrderOfComing) {
  auto runtime = Runtime::create({.processors = 1});
  ASSERT_TRUE(runtime);
  Channel<int> channel;
  ASSERT_TRUE((*runtime)->run([&] {
    for (int i = 0; i < 8; ++i) {
      ASSERT_TRUE(spawn([&, i] { EXPECT_EQ(channel.receive(), i); }));
      yield();
    }
    for (int i = 0; i < 8; ++i) ASSERT_TRUE(channel.send(i));
    for (int i = 0; i < 8; ++i) {
      ASSERT_TRUE(spawn([&, i] { ASSERT_TRUE(channel.send(i)); }));
      yield();
    }
    for (int i = 0; i < 8; ++i) EXPECT_EQ(channel.receive(), i);
  }));
}

TEST_P(ChannelTest, AClosedOneGivesWhatIsLeftAndTakesNothing) {
  Channel<Counted> channel(2);
  run([&] {
    ASSERT_TRUE(channel.send(Counted(1)));
    ASSERT_TRUE(channel.send(Counted(2)));
    channel.close();
    channel.close();
    EXPECT_TRUE(channel.is_closed());
    Counted refused(3);
    EXPECT_EQ(channel.send(std::move(refused)).error().code, EPIPE);
    EXPECT_EQ(refused.number(), 3);  // NOLINT(bugprone-use-after-move)
    EXPECT_EQ(channel.try_send(std::move(refused)).error().code, EPIPE);
    EXPECT_EQ(channel.receive()->number(), 1);
    EXPECT_EQ(channel.try_receive()->number(), 2);
    EXPECT_EQ(channel.receive().error().code, EPIPE);
    EXPECT_EQ(channel.try_receive().error().code, EPIPE);
  });
  EXPECT_EQ(Counted::alive.load(), 0);
}

TEST_P(ChannelTest, ClosingEndsAllWaits) {
  for (const StackPolicy stack : {StackPolicy::dedicated, StackPolicy::compact}) {
    auto empty = std::make_shared<Channel<Counted>>();
    auto full = std::make_shared<Channel<Counted>>(1);
    auto ended = std::make_shared<std::atomic<int>>(0);
    run([&] {
      ASSERT_TRUE(full->send(Counted(0)));
      for (int i = 1; i <= 5; ++i) {
        ASSERT_TRUE(spawn(
            [=] {
              Counted value(i);
              EXPECT_EQ(full->send(std::move(value)).error().code, EPIPE);
              EXPECT_EQ(value.number(), i);  // NOLINT(bugprone-use-after-move)
              ended->fetch_add(1);
            },
            {.stack = stack}));
        ASSERT_TRUE(spawn(
            [=] {
              const CancelSource never;
              EXPECT_EQ(empty->receive(never.context()).error().code, EPIPE);
              ended->fetch_add(1);
            },
            {.stack = stack}));
      }
      for (int i = 0; i < 20; ++i) yield();
      empty->close();
      full->close();
    });
    EXPECT_EQ(ended->load(), 10);
  }
  EXPECT_EQ(Counted::alive.load(), 0);
}

TEST_P(ChannelTest, WhatNobodyReceivesGoesWithTheChannel) {
  {
    Channel<Counted> channel(8);
    run([&] {
      for (int i = 0; i < 5; ++i) ASSERT_TRUE(channel.send(Counted(i)));
      EXPECT_EQ(channel.receive()->number(), 0);
    });
    EXPECT_EQ(Counted::alive.load(), 4);
  }
  EXPECT_EQ(Counted::alive.load(), 0);
}

TEST_P(ChannelTest, ADeadlineEndsAWait) {
  Channel<Counted> channel;
  run([&] {
    Counted value(7);
    const os::Nanoseconds until_ns = now_ns() + os::ns_per_ms;
    EXPECT_EQ(channel.send_until(until_ns, std::move(value)).error().code, ETIMEDOUT);
    EXPECT_GE(now_ns(), until_ns);
    EXPECT_EQ(value.number(), 7);  // NOLINT(bugprone-use-after-move)
    EXPECT_EQ(channel.receive_until(now_ns() + os::ns_per_ms).error().code, ETIMEDOUT);
    EXPECT_EQ(channel.receive_until(now_ns() - 1).error().code, ETIMEDOUT);
  });
  EXPECT_EQ(Counted::alive.load(), 0);
}

TEST_P(ChannelTest, AContextEndsWaits) {
  Channel<int> channel;
  run([&] {
    const CancelSource source;
    WaitGroup ended(4);
    for (int i = 0; i < 4; ++i) {
      ASSERT_TRUE(spawn([&, i, context = source.context()] {
        // Two of them meet two others.
        for (int turn = 0; turn < 2; ++turn) {
          const bool sends = (i + turn) % 2 == 0;
          if (sends) {
            const auto sent = channel.send(i, context);
            EXPECT_TRUE(sent || sent.error().code == ECANCELED);
          } else {
            const auto received = channel.receive(context);
            EXPECT_TRUE(received || received.error().code == ECANCELED);
          }
        }
        ended.done();
      }));
    }
    ASSERT_TRUE(sleep_for(os::ns_per_ms));
    source.cancel();
    ended.wait();
    EXPECT_EQ(channel.receive(source.context()).error().code, ECANCELED);
    const auto timed = CancelSource::with_timeout(os::ns_per_ms);
    EXPECT_EQ(channel.send(1, timed.context()).error().code, ETIMEDOUT);
  });
}

TEST_P(ChannelTest, StopEndsWaitsThatHaveADeadline) {
  Channel<int> channel;
  run([&] {
    ASSERT_TRUE(spawn([&] {
      EXPECT_EQ(channel.receive_until(now_ns() + 3600 * os::ns_per_s).error().code, ECANCELED);
      EXPECT_EQ(channel.receive_until(now_ns() + 3600 * os::ns_per_s).error().code, ECANCELED);
    }));
    for (int i = 0; i < 3; ++i) yield();
    runtime().stop();
  });
}

// The one that receives destroys the channel at once, while the sender is still in send().
TEST_P(ChannelTest, MayBeDestroyedAfterItsLastOperationHasReturned) {
  run([&] {
    for (int i = 0; i < (C1M_TSAN ? 200 : 2000); ++i) {
      auto channel = std::make_unique<Channel<int>>(i % 3 == 0 ? 1 : 0);
      ASSERT_TRUE(spawn([&to = *channel, i] { ASSERT_TRUE(to.send(i)); }));
      if (i % 2 == 0) yield();
      EXPECT_EQ(channel->receive(), i);
    }
  });
}

TEST_P(ChannelTest, CompactCoroutinesPassValuesOn) {
  constexpr int stages = 50;
  std::vector<std::unique_ptr<Channel<Counted>>> pipes;
  for (int i = 0; i <= stages; ++i) pipes.push_back(std::make_unique<Channel<Counted>>(i % 3));
  int sum = 0;
  run([&] {
    for (int i = 0; i < stages; ++i) {
      ASSERT_TRUE(spawn(
          [&in = *pipes[i], &out = *pipes[i + 1]] {
            for (Counted& value : in) ASSERT_TRUE(out.send(std::move(value)));
            out.close();
          },
          {.stack = StackPolicy::compact}));
    }
    ASSERT_TRUE(spawn([&in = *pipes[0]] {
      for (int i = 0; i < 100; ++i) ASSERT_TRUE(in.send(Counted(i)));
      in.close();
    }));
    for (const Counted& value : *pipes[stages]) sum += value.number();
  });
  EXPECT_EQ(sum, 4950);
  EXPECT_EQ(Counted::alive.load(), 0);
}

TEST_P(ChannelTest, OneThatNeverWaitsGivesWay) {
  Channel<int> channel(1);
  std::atomic<bool> other_ran = false;
  run([&] {
    ASSERT_TRUE(spawn([&] { other_ran.store(true); }));
    while (!other_ran.load()) {
      ASSERT_TRUE(channel.try_send(1));
      ASSERT_TRUE(channel.try_receive());
    }
  });
}

TEST_P(ChannelTest, ThreadsAndCoroutines) {
  constexpr int values = C1M_TSAN ? 500 : 5000;
  for (const std::size_t capacity : {0U, 16U}) {
    Channel<int> there(capacity);
    Channel<int> back(capacity);
    long sum = 0;
    std::thread sender([&] {
      for (int i = 1; i <= values; ++i) ASSERT_TRUE(there.send(i));
      there.close();
    });
    std::thread receiver([&] {
      for (const int value : back) sum += value;
    });
    run([&] {
      for (const int value : there) ASSERT_TRUE(back.send(value));
      back.close();
    });
    sender.join();
    receiver.join();
    EXPECT_EQ(sum, long{values} * (values + 1) / 2);
  }
}

struct alignas(64) Aligned {
  int number = 0;
};

TEST(ChannelOnThreads, DeadlinesContextsAndAlignedValues) {
  Channel<Aligned> channel;
  EXPECT_EQ(channel.receive_until(os::monotonic_ns() + os::ns_per_ms).error().code, ETIMEDOUT);
  const CancelSource source;
  std::thread canceller([&] { source.cancel(); });
  EXPECT_EQ(channel.receive(source.context()).error().code, ECANCELED);
  canceller.join();
  std::thread sender([&] { ASSERT_TRUE(channel.send({.number = 5})); });
  EXPECT_EQ(channel.receive()->number, 5);
  sender.join();
}

TEST(ChannelDeathTest, IsDestroyedWhenNobodyWaits) {
  testing::GTEST_FLAG(death_test_style) = "threadsafe";
  EXPECT_DEATH(
      {
        auto runtime = Runtime::create({.processors = 1});
        auto channel = std::make_unique<Channel<int>>();
        std::ignore = (*runtime)->run([&] {
          std::ignore = spawn([&] { std::ignore = channel->receive(); });
          yield();
          channel.reset();
        });
      },
      "nobody waits for it");
}

}  // namespace
}  // namespace c1m::runtime
