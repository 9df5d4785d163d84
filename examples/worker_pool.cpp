// A worker pool: words are counted by four workers, the submitter waits when the queue of tasks is
// full, the results are added up, and the leak detector watches.
// Threads: the runtime's.
#include "runtime/worker_pool.hpp"

#include <cstddef>
#include <cstdio>
#include <sstream>
#include <string>

#include "os/exit_code.hpp"
#include "os/result.hpp"
#include "runtime/runtime.hpp"
#include "runtime/spawn.hpp"

namespace c1m::examples {
namespace {

constexpr int lines = 10'000;

std::size_t count_words(const std::string& line) {
  std::istringstream words(line);
  std::size_t count = 0;
  for (std::string word; words >> word;) ++count;
  return count;
}

os::Result<void> count_all() {
  using Pool = runtime::WorkerPool<std::string, std::size_t>;
  auto started =
      Pool::start({.workers = 4,
                   .tasks_max = 100,
                   .results_max = 100,
                   .report = [](const runtime::LeakReport& leak) { std::puts(leak.text.c_str()); }},
                  [](std::string& line, const runtime::Context&) { return count_words(line); });
  if (!started) return std::unexpected(started.error());
  Pool& pool = **started;
  auto submitting = runtime::spawn([&pool] {
    for (int line = 0; line < lines; ++line) {
      if (!pool.submit("the quick brown fox")) return;  // the pool has failed
    }
    pool.close();
  });
  if (!submitting) return submitting;
  std::size_t words = 0;
  while (auto counted = pool.receive()) words += *counted;
  std::fputs((std::to_string(lines) + " lines, " + std::to_string(words) + " words\n").c_str(),
             stdout);
  return pool.join();
}

int main_with() {
  auto runtime = runtime::Runtime::create({.processors = 2});
  if (!runtime) return os::exit_failed;
  os::Result<void> counted;
  const auto ran = (*runtime)->run([&counted] { counted = count_all(); });
  return ran && counted ? os::exit_good : os::exit_failed;
}

}  // namespace
}  // namespace c1m::examples

int main() {
  return c1m::examples::main_with();
}
