// The article's demonstration of the G-M-P model: 100,000 coroutines are started, each prints a
// line and ends; the live count right after and the growth of memory stand beside its claims.
// Stdout: the coroutines' lines in whatever order they ran, then the document as one line of JSON.
// Threads: the runtime's; the first coroutine measures. Not here: timing.
#include <cstdint>
#include <cstdio>
#include <string>

#include "article/program.hpp"
#include "measure/gmp_document.hpp"
#include "measure/process_memory.hpp"
#include "os/exit_code.hpp"
#include "os/result.hpp"
#include "runtime/runtime.hpp"
#include "runtime/spawn.hpp"

namespace c1m::article {
namespace {

// As the article has it.
constexpr std::uint64_t coroutines = 100'000;

void print_own_line(std::uint64_t number) {
  std::fputs(("coroutine " + std::to_string(number) + "\n").c_str(), stdout);
}

// The first coroutine. Nothing between the last spawn and the count: every instruction there is
// time in which other processors bring the count down.
os::Result<void> spawn_and_count(const runtime::Runtime& runtime, measure::GmpDocument& document) {
  document.memory_before = measure::read_process_memory();
  for (std::uint64_t number = 1; number <= coroutines; ++number) {
    auto spawned = runtime::spawn([number] { print_own_line(number); });
    if (!spawned) return spawned;
  }
  const runtime::RuntimeStatistics counted = runtime.statistics();
  document.memory_after_spawning = measure::read_process_memory();
  document.live_after_spawning = counted.coroutines_live;
  document.ended_by_then = counted.spawned - counted.coroutines_live;
  return {};
}

int run(const Program& program, unsigned processors) {
  measure::GmpDocument document;
  document.coroutines = coroutines;
  document.processors = processors;
  auto runtime = runtime::Runtime::create({.processors = processors});
  if (!runtime) return program.fail(runtime.error());
  os::Result<void> spawned;
  const auto ran = (*runtime)->run([&] { spawned = spawn_and_count(**runtime, document); });
  if (!ran) return program.fail(ran.error());
  if (!spawned) return program.fail(spawned.error());
  document.live_at_end = (*runtime)->live();
  document.stacks_reserved = (*runtime)->statistics().stacks_reserved;
  document.memory_at_end = measure::read_process_memory();
  auto printed = Program::print(measure::to_json_line(document));
  return printed ? os::exit_good : program.fail(printed.error());
}

}  // namespace
}  // namespace c1m::article

int main(int argc, char** argv) {
  return c1m::article::Program("r02_gmp").main_with(argc, argv, c1m::article::run);
}
