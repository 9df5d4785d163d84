// Select: which case is chosen, that the others are as if they had never been, and what ends it
// beside channels.
#include "runtime/select.hpp"

#include <array>
#include <atomic>
#include <cerrno>
#include <memory>
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

class SelectTest : public RuntimeTest {};
C1M_FOR_ALL_PROCESSOR_COUNTS(SelectTest);

constexpr auto ignore_sent = [](const os::Result<void>&) {};
constexpr auto ignore_received = [](const auto&) {};
constexpr auto nothing = [] {};

TEST_P(SelectTest, ChoosesWhatIsReady) {
  Channel<int> empty;
  Channel<int> full(1);
  run([&] {
    ASSERT_TRUE(full.send(7));
    int got = 0;
    const std::size_t chosen = select(  //
        receive_from(empty, ignore_received),
        receive_from(full, [&](const os::Result<int>& value) { got = value.value(); }),
        send_to(empty, 1, ignore_sent));
    EXPECT_EQ(chosen, 1U);
    EXPECT_EQ(got, 7);
    EXPECT_EQ(select(receive_from(empty, ignore_received), send_to(full, 8, ignore_sent)), 1U);
    EXPECT_EQ(full.receive(), 8);
  });
}

TEST_P(SelectTest, OtherwiseIsChosenWhenNothingIsReady) {
  Channel<int> channel;
  run([&] {
    bool other = false;
    const std::size_t chosen =
        select(receive_from(channel, ignore_received), send_to(channel, 1, ignore_sent),
               otherwise([&] { other = true; }));
    EXPECT_EQ(chosen, 2U);
    EXPECT_TRUE(other);
  });
}

TEST_P(SelectTest, WaitsForWhoeverComesFirst) {
  auto numbers = std::make_unique<Channel<int>>();
  auto names = std::make_unique<Channel<std::unique_ptr<int>>>();
  auto results = std::make_unique<Channel<int>>();
  for (const StackPolicy stack : {StackPolicy::dedicated, StackPolicy::compact}) {
    int received = 0;
    int sent = 0;
    run([&] {
      ASSERT_TRUE(spawn(
          [&] {
            for (int i = 0; i < 300; ++i) {
              select(
                  receive_from(*numbers, [&](const os::Result<int>& n) { received += n.value(); }),
                  receive_from(*names, [&](const auto& n) { received += **n; }),
                  send_to(*results, i, [&](const os::Result<void>& r) { sent += r ? 1 : 0; }));
            }
          },
          {.stack = stack}));
      for (int i = 0; i < 100; ++i) {
        ASSERT_TRUE(numbers->send(1));
        ASSERT_TRUE(names->send(std::make_unique<int>(2)));
        ASSERT_TRUE(results->receive());
      }
    });
    EXPECT_EQ(received, 300);
    EXPECT_EQ(sent, 100);
  }
}

// Both channels are always ready. With a fair coin the count of either is within 8 standard
// deviations of a half, but for one time in 10^15.
TEST_P(SelectTest, ChoosesByChanceAmongTheReady) {
  constexpr int rounds = 10'000;
  std::array<int, 3> chosen{};
  std::vector<std::unique_ptr<Channel<int>>> channels;
  channels.reserve(3);
  for (int i = 0; i < 3; ++i) channels.push_back(std::make_unique<Channel<int>>(1));
  run([&] {
    ASSERT_TRUE(channels[0]->send(0));
    ASSERT_TRUE(channels[1]->send(0));
    for (int i = 0; i < rounds; ++i) {
      const std::size_t each = select(receive_from(*channels[0], ignore_received),
                                      receive_from(*channels[1], ignore_received),
                                      receive_from(*channels[2], ignore_received));
      ++chosen[each];
      ASSERT_TRUE(channels[each]->send(0));
    }
  });
  EXPECT_NEAR(chosen[0], rounds / 2, 8 * 50);
  EXPECT_EQ(chosen[2], 0);
}

TEST_P(SelectTest, WhatWasNotSentIsStillTheCallers) {
  Channel<std::unique_ptr<int>> channel;
  run([&] {
    auto value = std::make_unique<int>(3);
    EXPECT_EQ(select(send_to(channel, std::move(value), ignore_sent), otherwise(nothing)), 1U);
    ASSERT_NE(value, nullptr);  // NOLINT(bugprone-use-after-move): moved from only when sent
    EXPECT_EQ(select(send_to(channel, std::move(value), ignore_sent),
                     timeout_after(os::ns_per_ms, nothing)),
              1U);
    ASSERT_NE(value, nullptr);  // NOLINT(bugprone-use-after-move)
    ASSERT_TRUE(spawn([&] { EXPECT_EQ(**channel.receive(), 3); }));
    EXPECT_EQ(select(send_to(channel, std::move(value), ignore_sent)), 0U);
    EXPECT_EQ(value, nullptr);  // NOLINT(bugprone-use-after-move)
  });
}

TEST_P(SelectTest, AClosedChannelIsReady) {
  Channel<int> closed;
  closed.close();
  Channel<int> other;
  run([&] {
    int error = 0;
    select(receive_from(closed, [&](const auto& value) { error = value.error().code; }),
           receive_from(other, ignore_received));
    EXPECT_EQ(error, EPIPE);
    error = 0;
    select(send_to(closed, 1, [&](const auto& sent) { error = sent.error().code; }),
           receive_from(other, ignore_received));
    EXPECT_EQ(error, EPIPE);
  });
}

TEST_P(SelectTest, ClosingEndsAWait) {
  Channel<int> first;
  Channel<int> second;
  run([&] {
    ASSERT_TRUE(spawn([&] { second.close(); }));
    int error = 0;
    const std::size_t chosen =
        select(receive_from(first, ignore_received),
               send_to(second, 1, [&](const auto& sent) { error = sent.error().code; }));
    EXPECT_EQ(chosen, 1U);
    EXPECT_EQ(error, EPIPE);
  });
}

TEST_P(SelectTest, TimeAndContextsEndAWait) {
  Channel<int> channel;
  run([&] {
    const os::Nanoseconds until_ns = now_ns() + os::ns_per_ms;
    EXPECT_EQ(select(receive_from(channel, ignore_received), timeout_at(until_ns, nothing)), 1U);
    EXPECT_GE(now_ns(), until_ns);
    const CancelSource source;
    ASSERT_TRUE(spawn([&] { source.cancel(); }));
    EXPECT_EQ(
        select(cancelled_by(source.context(), nothing), receive_from(channel, ignore_received),
               timeout_after(3600 * os::ns_per_s, nothing)),
        0U);
    const auto timed = CancelSource::with_timeout(os::ns_per_ms);
    EXPECT_EQ(
        select(receive_from(channel, ignore_received), cancelled_by(timed.context(), nothing)), 1U);
    // Without any channel.
    EXPECT_EQ(select(timeout_after(os::ns_per_us, nothing)), 0U);
  });
}

TEST_P(SelectTest, StopEndsAWaitWithATimeout) {
  Channel<int> channel;
  run([&] {
    ASSERT_TRUE(spawn([&] {
      EXPECT_EQ(select(receive_from(channel, ignore_received),
                       timeout_after(3600 * os::ns_per_s, nothing)),
                1U);
    }));
    for (int i = 0; i < 3; ++i) yield();
    runtime().stop();
  });
}

TEST_P(SelectTest, OneChannelMayStandInSeveralCases) {
  Channel<int> channel;
  run([&] {
    ASSERT_TRUE(spawn([&] {
      int received = 0;
      for (int i = 0; i < 10; ++i) {
        select(receive_from(channel, [&](const auto& value) { received += value.value(); }),
               receive_from(channel, [&](const auto& value) { received += value.value(); }),
               send_to(channel, 1, ignore_sent));
      }
      EXPECT_EQ(received, 5);
    }));
    for (int i = 0; i < 5; ++i) {
      ASSERT_TRUE(channel.send(1));
      EXPECT_EQ(channel.receive(), 1);
    }
  });
}

// Selects that meet selects, on both sides of both channels.
TEST_P(SelectTest, SelectsMeetEachOther) {
  constexpr int each = C1M_TSAN ? 200 : 2000;
  auto one = std::make_unique<Channel<int>>();
  auto two = std::make_unique<Channel<int>>();
  std::atomic<long> sent = 0;
  std::atomic<long> received = 0;
  run([&] {
    for (int i = 0; i < 4; ++i) {
      ASSERT_TRUE(spawn([&] {
        for (int value = 1; value <= each; ++value) {
          select(send_to(*one, value, ignore_sent), send_to(*two, value, ignore_sent));
          sent += value;
        }
      }));
      ASSERT_TRUE(spawn([&] {
        const auto take = [&](const os::Result<int>& value) { received += value.value(); };
        for (int turns = 0; turns < each; ++turns) {
          select(receive_from(*two, take), receive_from(*one, take));
        }
      }));
    }
  });
  EXPECT_EQ(sent.load(), received.load());
  EXPECT_EQ(received.load(), 4L * each * (each + 1) / 2);
}

TEST_P(SelectTest, ThreadsSelectAsWell) {
  constexpr int values = C1M_TSAN ? 200 : 1000;
  Channel<int> one;
  Channel<int> two(4);
  Channel<bool> done;
  long sum = 0;
  std::thread thread([&] {
    bool more = true;
    const auto take = [&](const os::Result<int>& value) { sum += value.value(); };
    while (more) {
      select(receive_from(one, take), receive_from(two, take),
             receive_from(done, [&](const auto&) { more = false; }),
             timeout_after(60 * os::ns_per_s, [] { FAIL() << "nothing comes"; }));
    }
  });
  run([&] {
    for (int i = 0; i < values; ++i) ASSERT_TRUE((i % 2 == 0 ? one : two).send(1));
    while (two.size() > 0) yield();
    done.close();
  });
  thread.join();
  EXPECT_EQ(sum, values);
}

TEST_P(SelectTest, AnyNumberAtRunTime) {
  constexpr std::size_t count = 40;
  std::vector<std::unique_ptr<Channel<int>>> channels;
  channels.reserve(count);
  for (std::size_t i = 0; i < count; ++i) channels.push_back(std::make_unique<Channel<int>>());
  std::size_t sum = 0;
  run([&] {
    for (std::size_t i = 0; i < count; ++i) {
      ASSERT_TRUE(
          spawn([&channel = *channels[i], i] { ASSERT_TRUE(channel.send(static_cast<int>(i))); }));
    }
    const auto take = [&](const os::Result<int>& value) {
      sum += static_cast<std::size_t>(value.value());
    };
    using Case = ReceiveCase<int, decltype(take)>;
    for (std::size_t turn = 0; turn < count; ++turn) {
      std::vector<std::unique_ptr<Case>> cases;
      std::vector<SelectCase*> pointers;
      for (const auto& channel : channels) {
        cases.push_back(std::make_unique<Case>(*channel, take));
        pointers.push_back(cases.back().get());
      }
      const Selected selected = select_among(pointers, {});
      ASSERT_EQ(selected.end, SelectEnd::ready);
      selected.chosen->finish();
    }
  });
  EXPECT_EQ(sum, count * (count - 1) / 2);
}

}  // namespace
}  // namespace c1m::runtime
