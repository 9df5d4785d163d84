// A program for looking into: coroutines that wait in known places, and a function in which a
// debugger stops while they do. Threads: one worker. Not here: anything to be learned from it.
#include <cstdio>
#include <memory>
#include <tuple>

#include "os/result.hpp"
#include "runtime/channel.hpp"
#include "runtime/runtime.hpp"
#include "runtime/sleep.hpp"
#include "runtime/spawn.hpp"

namespace parked_sample {

using c1m::runtime::Channel;

[[gnu::noinline]] void wait_for_a_number(Channel<int>& numbers, int kept_value) {
  const auto number = numbers.receive();
  asm volatile("" : : "g"(&number), "g"(kept_value) : "memory");
}

[[gnu::noinline]] void wait_one_call_deeper(Channel<int>& numbers) {
  wait_for_a_number(numbers, 4711);
  asm volatile("" : : : "memory");  // no tail call
}

// Where the debugger stops.
[[gnu::noinline]] void everybody_waits() {
  asm volatile("" : : : "memory");
}

void first_coroutine(c1m::runtime::Runtime& runtime) {
  // On the heap, because compact and freezable coroutines wait for it.
  const auto numbers = std::make_unique<Channel<int>>();
  const auto wait = [&channel = *numbers] { wait_one_call_deeper(channel); };
  bool spawned = c1m::runtime::spawn(wait).has_value();
  for (int i = 0; i < 2; ++i) {
    spawned = c1m::runtime::spawn(wait, {.stack = c1m::runtime::StackPolicy::compact}) && spawned;
  }
  spawned = c1m::runtime::spawn(wait, {.stack = c1m::runtime::StackPolicy::freezable}) && spawned;
  if (!spawned) std::fputs("parked_sample: a coroutine could not be spawned\n", stderr);
  if (!c1m::runtime::sleep_for(10 * c1m::os::ns_per_ms)) return;
  std::ignore = runtime.freeze_idle(0);
  everybody_waits();
  numbers->close();
  // They use the channel until they have ended.
  std::ignore = c1m::runtime::sleep_for(10 * c1m::os::ns_per_ms);
}

}  // namespace parked_sample

int main() {
  // One slot, so that of two compact coroutines one is frozen.
  const auto runtime = c1m::runtime::Runtime::create({.processors = 1, .compact_slots = 1});
  const auto ran = runtime ? (*runtime)->run([&] { parked_sample::first_coroutine(**runtime); })
                           : c1m::os::Result<void>(std::unexpected(runtime.error()));
  if (ran) return 0;
  std::fputs(("parked_sample: " + c1m::os::describe(ran.error()) + "\n").c_str(), stderr);
  return 1;
}
