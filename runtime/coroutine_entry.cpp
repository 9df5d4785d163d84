// Nothing may unwind past this frame: there is no caller. See coroutine_entry.hpp.
#include "runtime/coroutine_entry.hpp"

#include <cstdio>
#include <exception>
#include <source_location>
#include <string>
#include <utility>

#include "runtime/coroutine.hpp"
#include "runtime/thread_state.hpp"
#include "runtime/worker.hpp"

namespace c1m::runtime {
namespace {

[[noreturn]] void report_uncaught(const char* what) {
  const Coroutine& coroutine = current_worker()->current();
  const std::source_location where = coroutine.where.load(std::memory_order_relaxed);
  const std::string text = "c1m runtime: an exception left coroutine " +
                           std::to_string(coroutine.index) + ", spawned at " + where.file_name() +
                           ":" + std::to_string(where.line()) + " in " + where.function_name() +
                           ": " + what + "\n";
  std::fputs(text.c_str(), stderr);
  std::terminate();
}

// In a frame of its own: that of coroutine_entry() is memory of every coroutine that waits.
[[noreturn, gnu::noinline]] void report_uncaught() noexcept {
  try {
    throw;
  } catch (const std::exception& error) {
    report_uncaught(error.what());
  } catch (...) {
    report_uncaught("not a std::exception");
  }
}

}  // namespace

void coroutine_entry(CoroutineContext& context) {
  try {
    std::exchange(static_cast<Coroutine&>(context).start, nullptr)->begin();
  } catch (...) {
    report_uncaught();
  }
  current_worker()->finish_current();
}

}  // namespace c1m::runtime
