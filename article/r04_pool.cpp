// The article's worker pool: a million tasks through queues of 5,000, all results aggregated, with
// the leak detector watching; the time and what memory did stand beside its claims.
// Stdout: the document as one line of JSON. Threads: the runtime's; the first coroutine receives.
// Not here: the same in Go (runtime/peers, `./c1m compare-runtimes`); the detector's rules firing,
// which runtime/worker_pool_test.cpp shows.
#include <cstdint>

#include "article/program.hpp"
#include "measure/pool_document.hpp"
#include "measure/process_memory.hpp"
#include "os/clock.hpp"
#include "os/exit_code.hpp"
#include "os/result.hpp"
#include "runtime/runtime.hpp"
#include "runtime/spawn.hpp"
#include "runtime/worker_pool.hpp"

namespace c1m::article {
namespace {

// As the article has it.
constexpr std::uint64_t tasks = 1'000'000;
constexpr std::size_t queue_max = 5000;
constexpr unsigned workers_a_processor = 4;

using Pool = runtime::WorkerPool<std::uint64_t, std::uint64_t>;

// The task: the finish of splitmix64 (Steele, Lea, Flood, 2014), whose results' sum tells whether
// each number came once.
std::uint64_t mix(std::uint64_t number) {
  number = (number ^ number >> 30) * 0xbf58476d1ce4e5b9u;
  number = (number ^ number >> 27) * 0x94d049bb133111ebu;
  return number ^ number >> 31;
}

std::uint64_t expected_sum() {
  std::uint64_t sum = 0;
  for (std::uint64_t task = 0; task < tasks; ++task) sum += mix(task);
  return sum;
}

void submit_all(Pool& pool) {
  for (std::uint64_t task = 0; task < tasks; ++task) {
    if (!pool.submit(task)) return;  // the pool has failed, and its join() says why
  }
  pool.close();
}

os::Result<void> run_pool(const Program& program, measure::PoolDocument& document) {
  auto started =
      Pool::start({.workers = document.workers,
                   .tasks_max = queue_max,
                   .results_max = queue_max,
                   .report =
                       [&document, &program](const runtime::LeakReport& report) {
                         ++document.leak_reports;
                         program.say(report.text);
                       }},
                  [](std::uint64_t& task, const runtime::Context&) { return mix(task); });
  if (!started) return std::unexpected(started.error());
  Pool& pool = **started;
  document.memory_before = measure::read_process_memory();
  const os::Nanoseconds begin_ns = os::monotonic_ns();
  if (auto spawned = runtime::spawn([&pool] { submit_all(pool); }); !spawned) return spawned;
  std::uint64_t sum = 0;
  while (auto result = pool.receive()) {
    sum += *result;
    if (++document.results == tasks / 10) {
      document.memory_after_tenth = measure::read_process_memory();
    }
  }
  document.elapsed_ns = static_cast<std::uint64_t>(os::monotonic_ns() - begin_ns);
  document.memory_after_all = measure::read_process_memory();
  document.results_right = document.results == tasks && sum == expected_sum();
  return pool.join();
}

int run(const Program& program, unsigned processors) {
  measure::PoolDocument document;
  document.tasks = tasks;
  document.processors = processors;
  document.workers = workers_a_processor * processors;
  document.queue_max = queue_max;
  auto runtime = runtime::Runtime::create({.processors = processors});
  if (!runtime) return program.fail(runtime.error());
  os::Result<void> worked;
  const auto ran = (*runtime)->run([&] { worked = run_pool(program, document); });
  if (!ran) return program.fail(ran.error());
  if (!worked) return program.fail(worked.error());
  auto printed = Program::print(measure::to_json_line(document));
  if (!printed) return program.fail(printed.error());
  return document.results_right ? os::exit_good : os::exit_failed;
}

}  // namespace
}  // namespace c1m::article

int main(int argc, char** argv) {
  return c1m::article::Program("r04_pool").main_with(argc, argv, c1m::article::run);
}
