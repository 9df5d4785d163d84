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

[[noreturn]] void report_uncaught(const Coroutine& coroutine, const char* what) {
  const std::source_location where = coroutine.where.load(std::memory_order_relaxed);
  const std::string text = "c1m runtime: an exception left coroutine " +
                           std::to_string(coroutine.index) + ", spawned at " + where.file_name() +
                           ":" + std::to_string(where.line()) + " in " + where.function_name() +
                           ": " + what + "\n";
  std::fputs(text.c_str(), stderr);
  std::terminate();
}

void run_function(Coroutine& coroutine) {
  try {
    // Moved here, so that it is destroyed on the coroutine, with what it has captured.
    auto function = std::move(coroutine.function);
    function();
  } catch (const std::exception& error) {
    report_uncaught(coroutine, error.what());
  } catch (...) {
    report_uncaught(coroutine, "not a std::exception");
  }
}

}  // namespace

void coroutine_entry(CoroutineContext& context) {
  run_function(static_cast<Coroutine&>(context));
  current_worker()->finish_current();
}

}  // namespace c1m::runtime
