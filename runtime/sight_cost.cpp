// What it costs to be seen, as a program: sight_cost [ROUNDS]. Runs an operation with histograms
// off, off once more (the noise), on, and with a trace; and a lock without and with the mark of its
// holder. Prints a table: ns of one operation without, and by how much the others take longer, as
// the median of the rounds' ratios with its 95 % interval.
// Invariants: the variants of a round run right after one another, in an order that moves on by one
// each round, so what the machine does meanwhile meets all; a trace had room for all its events.
// Threads: one processor, one worker. Not here: USDT probes, a nop each unless a tracer is there.
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "os/assert.hpp"
#include "os/clock.hpp"
#include "os/result.hpp"
#include "runtime/channel.hpp"
#include "runtime/holder_mark.hpp"
#include "runtime/lock_word.hpp"
#include "runtime/mutex.hpp"
#include "runtime/runtime.hpp"
#include "runtime/spawn.hpp"
#include "runtime/wait_group.hpp"

namespace {

using namespace c1m;
using namespace c1m::runtime;

void must(const os::Result<void>& result) {
  C1M_ASSERT(result, "the machine has what this needs");
}

// --- the operations, `count` times ---------------------------------------------------------------

void spawn_and_join(unsigned count) {
  for (unsigned i = 0; i < count; ++i) {
    WaitGroup group(1);
    must(spawn([&group] { group.done(); }));
    group.wait();
  }
}

void ping_pong(unsigned count) {
  Channel<int> there;
  Channel<int> back;
  WaitGroup ended(1);
  must(spawn([&] {
    for (const int value : there) must(back.send(value));
    ended.done();
  }));
  for (unsigned i = 0; i < count; ++i) {
    must(there.send(1));
    C1M_ASSERT(back.receive(), "the channel is open");
  }
  there.close();
  ended.wait();
}

template <class Lock>
void lock_and_unlock(unsigned count) {
  Lock lock;
  for (unsigned i = 0; i < count; ++i) {
    lock.lock();
    lock.unlock();
  }
}

// A Mutex of a release build while nobody waits for it, but for the mark.
class UnmarkedLock {
 public:
  void lock() {
    if (!word_.try_lock()) std::abort();
  }
  void unlock() {
    if (word_.unlock() != nullptr) std::abort();
  }

 private:
  struct Waiter {
    Waiter* next = nullptr;
  };
  LockWord<Waiter> word_;
};

// --- measuring -----------------------------------------------------------------------------------

struct Variant {
  const char* name;
  void (*work)(unsigned count);
  std::function<void()> begin = [] {};
  std::function<void()> end = [] {};
};

struct Experiment {
  const char* operation;
  unsigned count;                 // of operations in a block
  std::vector<Variant> variants;  // the first is what the others are compared with
};

double median(std::vector<double>& values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

void print(const char* operation, const char* variant, std::vector<double> ratios) {
  const double middle = median(ratios);
  // Order statistics on both sides of it, by the normal approximation of the binomial distribution.
  const auto count = static_cast<double>(ratios.size());
  const double rank = std::floor(count / 2 - 0.98 * std::sqrt(count));
  const auto low = static_cast<std::size_t>(std::max(0.0, rank));
  std::array<char, 160> line;
  std::snprintf(line.data(), line.size(), "%-24s %-24s x %.3f  (%.3f to %.3f)\n", operation,
                variant, middle, ratios[low], ratios[ratios.size() - 1 - low]);
  std::fputs(line.data(), stdout);
}

void measure(const Experiment& experiment, unsigned rounds) {
  const std::size_t variants = experiment.variants.size();
  std::vector<double> without_ns;
  std::vector<std::vector<double>> ratios(variants);
  for (unsigned round = 0; round <= rounds; ++round) {
    std::vector<double> each_ns(variants);
    for (std::size_t i = 0; i < variants; ++i) {
      const std::size_t index = (round + i) % variants;
      const Variant& variant = experiment.variants[index];
      variant.begin();
      const os::Nanoseconds begin_ns = os::monotonic_ns();
      variant.work(experiment.count);
      each_ns[index] = static_cast<double>(os::monotonic_ns() - begin_ns) / experiment.count;
      variant.end();
    }
    if (round == 0) continue;  // the first use of everything
    without_ns.push_back(each_ns[0]);
    for (std::size_t i = 1; i < variants; ++i) ratios[i].push_back(each_ns[i] / each_ns[0]);
  }
  std::array<char, 160> line;
  std::snprintf(line.data(), line.size(), "%-24s %-24s %.1f ns\n", experiment.operation,
                experiment.variants[0].name, median(without_ns));
  std::fputs(line.data(), stdout);
  for (std::size_t i = 1; i < variants; ++i) {
    print(experiment.operation, experiment.variants[i].name, std::move(ratios[i]));
  }
  std::fflush(stdout);
}

Experiment with_sight(Runtime& runtime, const char* operation, unsigned count,
                      void (*work)(unsigned)) {
  const auto histograms = [&runtime](bool on) {
    return [&runtime, on] { must(runtime.set_histograms(on)); };
  };
  const auto start = [&runtime] { must(runtime.start_trace({.events_per_processor = 1u << 17})); };
  const auto stop = [&runtime] {
    runtime.stop_trace();
    C1M_ASSERT(runtime.trace().dropped() == 0, "the trace has room for a block's events");
  };
  return {
      .operation = operation,
      .count = count,
      .variants = {
          {.name = "all off", .work = work},
          {.name = "all off, again", .work = work},
          {.name = "histograms", .work = work, .begin = histograms(true), .end = histograms(false)},
          {.name = "trace", .work = work, .begin = start, .end = stop}}};
}

void measure_all(Runtime& runtime, unsigned rounds) {
  measure(with_sight(runtime, "spawn and join", 5'000, spawn_and_join), rounds);
  measure(with_sight(runtime, "ping-pong", 5'000, ping_pong), rounds);
  measure(with_sight(runtime, "mutex", 200'000, lock_and_unlock<Mutex>), rounds);
  measure({.operation = "lock",
           .count = 200'000,
           .variants = {{.name = "no mark", .work = lock_and_unlock<UnmarkedLock>},
                        {.name = "no mark, again", .work = lock_and_unlock<UnmarkedLock>},
                        {.name = "the holder's mark", .work = lock_and_unlock<Mutex>}}},
          rounds);
}

}  // namespace

int main(int argc, char** argv) {
  unsigned rounds = 200;
  if (argc == 2) {
    const char* const end = argv[1] + std::strlen(argv[1]);
    const auto [stopped_at, error] = std::from_chars(argv[1], end, rounds);
    if (error != std::errc() || stopped_at != end) rounds = 0;
  }
  if (argc > 2 || rounds < 10 || rounds > 100'000) {
    std::fputs("usage: sight_cost [ROUNDS], from 10 to 100000\n", stderr);
    return 2;
  }
  auto runtime = Runtime::create({});
  C1M_ASSERT(runtime, "the machine has what this needs");
  must((*runtime)->run([&] { measure_all(**runtime, rounds); }));
  return 0;
}
