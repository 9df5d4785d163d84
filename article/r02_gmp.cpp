// The article's demonstration of the G-M-P model: 100,000 coroutines are started, each prints a
// line and ends; the live count right after and the growth of memory stand beside its claims.
// Stdout: the coroutines' lines in whatever order they ran, then the document as one line of JSON.
// Threads: the runtime's; the first coroutine measures. Not here: timing.
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <system_error>

#include "measure/gmp_document.hpp"
#include "measure/process_memory.hpp"
#include "os/cpu_set.hpp"
#include "os/exit_code.hpp"
#include "os/result.hpp"
#include "runtime/runtime.hpp"
#include "runtime/spawn.hpp"

namespace c1m::article {
namespace {

// As the article has it.
constexpr std::uint64_t coroutines = 100'000;

int fail(const os::Error& error) {
  std::fputs(("r02_gmp: " + os::describe(error) + "\n").c_str(), stderr);
  return os::exit_failed;
}

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

int run(unsigned processors) {
  measure::GmpDocument document;
  document.coroutines = coroutines;
  document.processors = processors;
  auto runtime = runtime::Runtime::create({.processors = processors});
  if (!runtime) return fail(runtime.error());
  os::Result<void> spawned;
  const auto ran = (*runtime)->run([&] { spawned = spawn_and_count(**runtime, document); });
  if (!ran) return fail(ran.error());
  if (!spawned) return fail(spawned.error());
  document.live_at_end = (*runtime)->live();
  document.stacks_reserved = (*runtime)->statistics().stacks_reserved;
  document.memory_at_end = measure::read_process_memory();
  std::fputs((measure::to_json_line(document) + "\n").c_str(), stdout);
  // The lines' failures stay with the stream; the code of the first is gone by then.
  if (std::fflush(stdout) != 0)
    return fail({.code = errno, .operation = "write to standard output"});
  if (std::ferror(stdout) != 0) return fail({.code = EIO, .operation = "write to standard output"});
  return os::exit_good;
}

int wrong_usage() {
  const std::string text = "usage: r02_gmp [PROCESSORS]\nPROCESSORS: 1 to " +
                           std::to_string(runtime::processors_max) +
                           "; as many as this process may use CPUs if not given\n";
  std::fputs(text.c_str(), stderr);
  return os::exit_wrong_usage;
}

int main_with(int argc, char** argv) {
  if (argc > 2) return wrong_usage();
  if (argc == 2) {
    const std::string_view text = argv[1];
    unsigned processors = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), processors);
    const bool whole = code == std::errc() && end == text.data() + text.size();
    if (!whole || processors < 1 || processors > runtime::processors_max) return wrong_usage();
    return run(processors);
  }
  const auto cpus = os::allowed_cpus();
  if (!cpus) return fail(cpus.error());
  return run(static_cast<unsigned>(cpus->size()));
}

}  // namespace
}  // namespace c1m::article

int main(int argc, char** argv) {
  return c1m::article::main_with(argc, argv);
}
