// Scenarios of channels and select: pipelines, selects that meet selects, closing, cancelling and
// deadlines under waiters, and a plain thread at the other end. Every value must come once.
#include <array>
#include <cerrno>
#include <memory>

#include "runtime/cancellation.hpp"
#include "runtime/channel.hpp"
#include "runtime/model/scenarios.hpp"
#include "runtime/select.hpp"
#include "runtime/sleep.hpp"
#include "runtime/spawn.hpp"
#include "runtime/spsc_ring.hpp"
#include "runtime/yield.hpp"

namespace c1m::runtime::model {
namespace {

struct Pipes {
  Pipes(std::size_t first, std::size_t second, std::size_t third)
      : channels{Channel<int>(first), Channel<int>(second), Channel<int>(third)} {}
  std::array<Channel<int>, 3> channels;
  int sum = 0;
  int ended = 0;
};

// The second value has to go into the ring although nobody receives it yet.
void fills_what_is_emptied(Stage& stage) {
  struct Shared {
    Channel<int> values{1};
    Channel<int> sent;
  };
  auto& shared = stage.make<Shared>();
  start(stage, compact, [&stage, &shared] {
    for (const int value : {1, 2}) {
      stage.require(shared.values.send(value).has_value(), "a send has failed");
    }
    shared.sent.close();
  });
  if (stage.pick(2) == 0) yield();  // or the first goes from hand to hand
  stage.require(shared.values.receive() == 1, "a value comes out of its turn");
  stage.require(!shared.sent.receive(), "nobody sends there");
  stage.require(shared.values.receive() == 2, "a value comes out of its turn");
}

}  // namespace

// Two sources, two stages on compact stacks, and a sink.
void passes_values_on(Stage& stage) {
  auto& pipes = stage.make<Pipes>(static_cast<std::size_t>(stage.pick(3)), 0U,
                                  static_cast<std::size_t>(stage.pick(3)));
  for (int source = 0; source < 2; ++source) {
    start(stage, dedicated, [&stage, &pipes] {
      for (int value = 1; value <= 4; ++value) {
        stage.require(pipes.channels[0].send(value).has_value(), "a send has failed");
      }
      if (++pipes.ended == 2) pipes.channels[0].close();
    });
  }
  for (std::size_t from = 0; from < 2; ++from) {
    start(stage, compact, [&stage, &pipes, from] {
      for (const int value : pipes.channels[from]) {
        if (stage.pick(4) == 0) yield();
        stage.require(pipes.channels[from + 1].send(value).has_value(), "a send has failed");
      }
      pipes.channels[from + 1].close();
    });
  }
  int sum = 0;
  for (const int value : pipes.channels[2]) sum += value;
  stage.require(sum == 20, "a value is lost or doubled");
  fills_what_is_emptied(stage);
}

// Selects on both sides of two channels, and a third that nobody uses.
void selects_by_chance(Stage& stage) {
  struct Shared {
    std::array<Channel<int>, 3> channels{Channel<int>(0), Channel<int>(1), Channel<int>(0)};
    Atomic<int> sum = 0;
  };
  auto& shared = stage.make<Shared>();
  auto& [one, two, unused] = shared.channels;
  constexpr auto sent = [](const os::Result<void>&) {};
  for (int i = 0; i < 2; ++i) {
    start(stage, i == 0 ? dedicated : compact, [&] {
      for (int value = 1; value <= 3; ++value) {
        select(send_to(one, value, sent), send_to(two, value, sent));
        if (stage.pick(4) == 0) yield();
      }
    });
    start(stage, i == 0 ? dedicated : compact, [&stage, &shared] {
      auto& [first, second, third] = shared.channels;
      const auto take = [&](const os::Result<int>& value) { shared.sum.fetch_add(value.value()); };
      for (int turns = 0; turns < 3;) {
        const bool hurried = stage.pick(3) == 0;
        const os::Nanoseconds soon_ns = hurried ? stage.pick(40) * os::ns_per_us : no_deadline;
        const auto late = [&stage, hurried] { stage.require(hurried, "a select ends early"); };
        const std::size_t chosen = select(receive_from(second, take), receive_from(third, take),
                                          receive_from(first, take), timeout_after(soon_ns, late));
        stage.require(chosen != 1, "nobody sends there");
        if (chosen != 3) ++turns;
      }
    });
  }
  stage.after(
      [&stage, &shared] { stage.require(shared.sum.load() == 12, "a value is lost or doubled"); });
}

// Senders and receivers, of whom some use select, wait for channels that are closed at some time.
void closes_channels_under_waiters(Stage& stage) {
  struct Shared {
    std::array<Channel<int>, 2> channels{Channel<int>(0), Channel<int>(1)};
  };
  auto& channels = stage.make<Shared>().channels;
  for (int i = 0; i < 5; ++i) {
    start(stage, i % 2 == 0 ? dedicated : compact, [&stage, &channels, i] {
      auto& [one, two] = channels;
      const auto is_closed = [&stage](const auto& result) {
        stage.require(result || result.error().code == EPIPE, "a wait ends with another error");
      };
      if (i == 0) {
        is_closed(one.receive());
      } else if (i == 1) {
        while (two.send(i)) {
        }
      } else if (i == 2) {
        const CancelSource never;
        is_closed(one.receive(never.context()));
      } else {
        select(receive_from(one, is_closed), send_to(two, i, is_closed));
      }
    });
  }
  for (int i = stage.pick(8); i > 0; --i) yield();
  channels[stage.pick(2)].close();
  for (int i = stage.pick(4); i > 0; --i) yield();
  for (Channel<int>& each : channels) each.close();
}

// Senders and receivers give up by deadline or context, while others go on; what was sent came.
void cancels_waits_for_channels(Stage& stage) {
  struct Shared {
    Channel<int> channel;
    CancelSource source;
    Atomic<int> sent = 0;
    Atomic<int> received = 0;
  };
  auto& shared = stage.make<Shared>();
  for (int i = 0; i < 4; ++i) {
    start(stage, i < 2 ? dedicated : compact, [&stage, &shared, i] {
      for (int turns = 0; turns < 3; ++turns) {
        const os::Nanoseconds soon_ns = now_ns() + stage.pick(60) * os::ns_per_us;
        const os::Nanoseconds until_ns = stage.pick(2) == 0 ? soon_ns : no_deadline;
        const Context context = shared.source.context();
        os::Result<void> result;
        if (i % 2 == 0) {
          result = shared.channel.send_until(until_ns, 1, context);
          if (result) shared.sent.fetch_add(1);
        } else {
          const auto received = shared.channel.receive_until(until_ns, context);
          if (received) shared.received.fetch_add(*received);
          if (!received) result = std::unexpected(received.error());
        }
        const bool may_fail = result || now_ns() >= until_ns || context.is_cancelled();
        stage.require(may_fail, "a wait has ended for no reason");
      }
    });
  }
  for (int i = stage.pick(10); i > 0; --i) yield();
  if (stage.pick(2) == 0) std::ignore = sleep_for(stage.pick(60) * os::ns_per_us);
  shared.source.cancel();
  stage.after([&stage, &shared] {
    stage.require(shared.sent.load() == shared.received.load(), "a value is lost or doubled");
  });
}

// Values go through a small ring and back through another; either side may wait.
void passes_rings(Stage& stage) {
  struct Shared {
    SpscRing<int> there{2};
    SpscRing<int> back{1};
  };
  auto& rings = stage.make<Shared>();
  start(stage, compact, [&rings] {
    while (const auto value = rings.there.pop()) rings.back.push(*value);
    rings.back.close();
  });
  start(stage, dedicated, [&rings] {
    for (int i = 1; i <= 5; ++i) rings.there.push(i);
    rings.there.close();
  });
  int next = 1;
  while (const auto value = rings.back.pop()) {
    stage.require(*value == next++, "a value is lost, doubled or late");
  }
  stage.require(next == 6, "a value is lost");
}

// Two channels to a plain thread, which selects or receives in turn, and one back.
struct ThreadPipes {
  Channel<int> one;
  Channel<int> two{1};
  Channel<int> back;
};

void sends_to_a_thread(Stage& stage) {
  stage.begin();
  auto& pipes = stage.shared<ThreadPipes>();
  for (int i = 1; i <= 4; ++i) {
    stage.require((i % 2 == 0 ? pipes.one : pipes.two).send(i).has_value(), "a send has failed");
    if (i % 2 == 0) stage.require(pipes.back.receive().has_value(), "a receive has failed");
  }
  stage.end();
}

void receives_on_a_thread(Stage& stage) {
  auto& pipes = stage.shared<ThreadPipes>();
  int sum = 0;
  const auto take = [&sum](const os::Result<int>& value) { sum += value.value(); };
  for (int i = 1; i <= 4; ++i) {
    select(receive_from(pipes.one, take), receive_from(pipes.two, take));
    if (i % 2 == 0) stage.require(pipes.back.send(sum).has_value(), "a send has failed");
  }
  stage.require(sum == 10, "a value is lost or doubled");
}

}  // namespace c1m::runtime::model
