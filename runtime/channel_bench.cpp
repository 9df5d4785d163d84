// Channels and select beside Go's, as peers/go/channels.go has them: `./c1m compare-runtimes`. The
// argument of each is the number of processors; the time is that of one value.
#include <cstdint>

#include <benchmark/benchmark.h>

#include "os/clock.hpp"
#include "runtime/bench_fixture.hpp"
#include "runtime/channel.hpp"
#include "runtime/select.hpp"
#include "runtime/sleep.hpp"
#include "runtime/spawn.hpp"
#include "runtime/wait_group.hpp"

namespace c1m::runtime {
namespace {

constexpr std::size_t room = 128;

// A value there and one back, each handed from hand to hand: the time of both.
void channel_ping_pong(benchmark::State& state) {
  run(state.range(0), [&state] {
    Channel<int> there;
    Channel<int> back;
    WaitGroup ended(1);
    must(spawn([&] {
      for (const int value : there) must(back.send(value));
      ended.done();
    }));
    for ([[maybe_unused]] auto _ : state) {
      must(there.send(1));
      benchmark::DoNotOptimize(back.receive());
    }
    there.close();
    ended.wait();
  });
}
BENCHMARK(channel_ping_pong)->Arg(1)->Arg(2)->UseRealTime();

// The same where each that receives has a time limit, which never comes: a timer is set and taken
// out again for each wait.
void channel_ping_pong_with_limits(benchmark::State& state) {
  constexpr os::Nanoseconds limit_ns = 10 * os::ns_per_s;
  run(state.range(0), [&state] {
    Channel<int> there;
    Channel<int> back;
    WaitGroup ended(1);
    must(spawn([&] {
      while (const auto value = there.receive_until(now_ns() + limit_ns)) must(back.send(*value));
      ended.done();
    }));
    for ([[maybe_unused]] auto _ : state) {
      must(there.send(1));
      benchmark::DoNotOptimize(back.receive_until(now_ns() + limit_ns));
    }
    there.close();
    ended.wait();
  });
}
BENCHMARK(channel_ping_pong_with_limits)->Arg(1)->Arg(2)->UseRealTime();

// From one coroutine to another through a buffer.
void channel_buffered(benchmark::State& state) {
  run(state.range(0), [&state] {
    Channel<int> channel(room);
    WaitGroup ended(1);
    must(spawn([&] {
      for (const int value : channel) benchmark::DoNotOptimize(value);
      ended.done();
    }));
    for ([[maybe_unused]] auto _ : state) must(channel.send(1));
    channel.close();
    ended.wait();
  });
}
BENCHMARK(channel_buffered)->Arg(1)->Arg(2)->UseRealTime();

// Four send and four receive through one buffer; what each batch lacks of a whole one is not sent.
void channel_many_to_many(benchmark::State& state) {
  constexpr std::int64_t batch = 4096;
  constexpr std::uint32_t pairs = 4;
  run(state.range(0), [&state] {
    while (state.KeepRunningBatch(batch)) {
      Channel<int> channel(room);
      WaitGroup sent(pairs);
      WaitGroup ended(pairs);
      for (std::uint32_t i = 0; i < pairs; ++i) {
        must(spawn([&] {
          for (std::int64_t n = 0; n < batch / pairs; ++n) must(channel.send(1));
          sent.done();
        }));
        must(spawn([&] {
          for (const int value : channel) benchmark::DoNotOptimize(value);
          ended.done();
        }));
      }
      sent.wait();
      channel.close();
      ended.wait();
    }
  });
}
BENCHMARK(channel_many_to_many)->Arg(1)->Arg(2)->UseRealTime();

// A select of two, of which one is always ready.
void select_ready(benchmark::State& state) {
  run(state.range(0), [&state] {
    Channel<int> full(1);
    Channel<int> empty;
    const auto take = [](const auto& value) { benchmark::DoNotOptimize(value); };
    for ([[maybe_unused]] auto _ : state) {
      must(full.send(1));
      select(receive_from(full, take), receive_from(empty, take));
    }
  });
}
BENCHMARK(select_ready)->Arg(1)->Arg(2)->UseRealTime();

// A select of two that waits: values come to either in turn, from another coroutine.
void select_waiting(benchmark::State& state) {
  run(state.range(0), [&state] {
    Channel<int> one;
    Channel<int> two;
    Channel<int> stop;
    WaitGroup ended(1);
    must(spawn([&] {
      bool more = true;
      while (more) {
        const auto sent = [](const os::Result<void>&) {};
        select(send_to(one, 1, sent), receive_from(stop, [&more](const auto&) { more = false; }));
        if (more) {
          select(send_to(two, 1, sent), receive_from(stop, [&more](const auto&) { more = false; }));
        }
      }
      ended.done();
    }));
    const auto take = [](const auto& value) { benchmark::DoNotOptimize(value); };
    for ([[maybe_unused]] auto _ : state) select(receive_from(one, take), receive_from(two, take));
    stop.close();
    ended.wait();
  });
}
BENCHMARK(select_waiting)->Arg(1)->Arg(2)->UseRealTime();

}  // namespace
}  // namespace c1m::runtime
