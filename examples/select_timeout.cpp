// Example: select with a timeout. Two questions are asked; one is answered at once, the other only
// after an hour, for which nobody waits: who has asked gives up, and cancels who works on it.
// Threads: the runtime's two workers; the first coroutine asks.
#include <cstdio>
#include <memory>
#include <string>
#include <tuple>

#include "os/clock.hpp"
#include "os/exit_code.hpp"
#include "os/result.hpp"
#include "runtime/cancellation.hpp"
#include "runtime/channel.hpp"
#include "runtime/runtime.hpp"
#include "runtime/select.hpp"
#include "runtime/sleep.hpp"
#include "runtime/spawn.hpp"

namespace c1m::examples {
namespace {

using Answers = runtime::Channel<std::string>;

// Answers after so long, unless the context is cancelled before.
void answer(Answers& answers, os::Nanoseconds after_ns, const runtime::Context& context) {
  if (!runtime::sleep_for(after_ns, context)) {
    answers.close();
    return;
  }
  std::ignore = answers.send("42", context);
}

// What came, or that nothing did.
os::Result<std::string> ask(os::Nanoseconds answered_after_ns) {
  const auto answers = std::make_shared<Answers>();  // both sides may be the last to use it
  const runtime::CancelSource work;
  auto spawned = runtime::spawn([answers, answered_after_ns, context = work.context()] {
    answer(*answers, answered_after_ns, context);
  });
  if (!spawned) return std::unexpected(spawned.error());
  std::string said;
  runtime::select(runtime::receive_from(*answers,
                                        [&said](const os::Result<std::string>& received) {
                                          said = received ? "answer " + *received : "no answer";
                                        }),
                  runtime::timeout_after(100 * os::ns_per_ms, [&said] { said = "gave up"; }));
  work.cancel();
  return said;
}

int run() {
  auto runtime = runtime::Runtime::create({.processors = 2});
  if (!runtime) {
    std::fputs((os::describe(runtime.error()) + "\n").c_str(), stderr);
    return os::exit_failed;
  }
  bool asked = true;
  // Returns when the slow one has ended as well: at once, because it was cancelled.
  const auto ran = (*runtime)->run([&asked] {
    for (const os::Nanoseconds after_ns : {os::Nanoseconds{0}, 3600 * os::ns_per_s}) {
      const auto said = ask(after_ns);
      asked &= said.has_value();
      const std::string what = said ? *said : os::describe(said.error());
      std::fputs(
          ("answered after " + std::to_string(after_ns / os::ns_per_s) + " s: " + what + "\n")
              .c_str(),
          stdout);
    }
  });
  return ran && asked ? 0 : os::exit_failed;
}

}  // namespace
}  // namespace c1m::examples

int main() {
  return c1m::examples::run();
}
