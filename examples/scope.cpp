// A scope with a failing child: three fetch at once, one of them fails, the other two are
// cancelled, and the scope's owner gets the failure; then the same under a supervisor, where they
// stay apart. Threads: the runtime's.
#include <cstdio>
#include <stdexcept>
#include <string>

#include "os/clock.hpp"
#include "os/exit_code.hpp"
#include "os/result.hpp"
#include "runtime/runtime.hpp"
#include "runtime/sleep.hpp"
#include "runtime/task_group.hpp"

namespace c1m::examples {
namespace {

using runtime::Context;

void say(const std::string& text) {
  std::puts(text.c_str());
}

// Stands for work that waits, and ends early when its context is cancelled.
os::Result<int> fetch(int page, const Context& context) {
  if (page == 3) {
    if (auto slept = runtime::sleep_for(20 * os::ns_per_ms, context); !slept) {
      return std::unexpected(slept.error());
    }
    throw std::runtime_error("page 3 is torn");
  }
  auto slept = runtime::sleep_for(page * os::ns_per_s, context);
  if (!slept) {
    say("page " + std::to_string(page) + " is given up: " + os::describe(slept.error()));
    return std::unexpected(slept.error());
  }
  return page * 100;
}

os::Result<void> fetch_all_or_none() {
  runtime::TaskGroup group;
  for (int page = 1; page <= 3; ++page) {
    auto spawned = group.spawn([page](const Context& context) { return fetch(page, context); });
    if (!spawned) return spawned;
  }
  try {
    return group.join();
  } catch (const std::runtime_error& error) {
    say(std::string("the scope fails: ") + error.what());
    return {};
  }
}

os::Result<void> fetch_what_there_is() {
  auto group = runtime::SupervisorGroup::with_timeout(100 * os::ns_per_ms);
  auto torn = group.spawn([](const Context& context) { return fetch(3, context); });
  auto whole = group.spawn([] { return 700; });
  auto slow = group.spawn([](const Context& context) { return fetch(1, context); });
  if (!torn || !whole || !slow) return os::fail(ENOMEM, "spawn");
  say("one arrives: " + std::to_string(whole->join()));
  try {
    std::ignore = torn->join();
  } catch (const std::runtime_error& error) {
    say(std::string("one fails: ") + error.what());
  }
  say("one is late: " + os::describe(slow->join().error()));
  return {};
}

int main_with() {
  auto runtime = runtime::Runtime::create({.processors = 2});
  if (!runtime) return os::exit_failed;
  os::Result<void> fetched;
  const auto ran = (*runtime)->run([&fetched] {
    fetched = fetch_all_or_none();
    if (fetched) fetched = fetch_what_there_is();
  });
  return ran && fetched ? os::exit_good : os::exit_failed;
}

}  // namespace
}  // namespace c1m::examples

int main() {
  return c1m::examples::main_with();
}
