// pthread_create with attributes; see thread.hpp.
#include "os/thread.hpp"

#include <pthread.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <atomic>
#include <climits>
#include <ctime>
#include <memory>
#include <utility>

#include "os/assert.hpp"

namespace c1m::os {
namespace {

using Body = std::move_only_function<void()>;

void* run_body(void* argument) {
  const std::unique_ptr<Body> body(static_cast<Body*>(argument));
  (*body)();
  return nullptr;
}

Result<void> create(const pthread_attr_t& attributes, Body body) {
  auto owned = std::make_unique<Body>(std::move(body));
  pthread_t thread{};
  const int code = ::pthread_create(&thread, &attributes, run_body, owned.get());
  if (code != 0) return fail(code, "pthread_create");
  std::ignore = owned.release();  // run_body owns it now
  return {};
}

}  // namespace

std::size_t thread_stack_bytes_min() {
  return static_cast<std::size_t>(::sysconf(_SC_THREAD_STACK_MIN));
}

Result<void> start_detached_thread(std::size_t stack_bytes, Body body) {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  pthread_attr_t attributes;
  if (const int code = ::pthread_attr_init(&attributes); code != 0) {
    return fail(code, "pthread_attr_init");
  }
  ::pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  const std::size_t rounded = (stack_bytes + page - 1) / page * page;
  const int code = ::pthread_attr_setstacksize(&attributes, rounded);
  Result<void> started;
  if (code != 0) {
    started = fail(code, "pthread_attr_setstacksize");
  } else {
    started = create(attributes, std::move(body));
  }
  ::pthread_attr_destroy(&attributes);
  return started;
}

Result<void> set_timer_slack(Nanoseconds slack_ns) {
  C1M_ASSERT(slack_ns > 0, "0 would mean the default");
  if (::prctl(PR_SET_TIMERSLACK, static_cast<unsigned long>(slack_ns)) != 0)
    return last_error("prctl(PR_SET_TIMERSLACK)");
  return {};
}

// PR_GET_TIMERSLACK returns it; the default where that fails, which no kernel since 2.6.28 does.
ExactWaits::ExactWaits() : slack_before_ns_(::prctl(PR_GET_TIMERSLACK)) {
  constexpr Nanoseconds default_slack_ns = 50'000;
  if (slack_before_ns_ <= 0) slack_before_ns_ = default_slack_ns;
  (void)set_timer_slack(1);  // else waits end later, and nothing else changes
}

ExactWaits::~ExactWaits() {
  (void)set_timer_slack(slack_before_ns_);
}

[[gnu::noinline]] std::uint64_t current_thread() {
  static std::atomic<std::uint64_t> threads = 0;
  thread_local const std::uint64_t number = threads.fetch_add(1, std::memory_order_relaxed) + 1;
  return number;
}

void sleep_for(Nanoseconds duration_ns) {
  const timespec duration{.tv_sec = duration_ns / ns_per_s, .tv_nsec = duration_ns % ns_per_s};
  ::nanosleep(&duration, nullptr);
}

}  // namespace c1m::os
