// fcontext: 9 ns a switch, most of it the saving of the floating-point control words. See
// stack_switch.hpp. Each sanitizer must be told of a switch right before the jump, with no
// instrumented call in between, or its shadow of the call stack goes wrong.
#include "runtime/stack_switch.hpp"

#include <cxxabi.h>

#include <cstring>
#include <utility>

#include <boost/context/detail/fcontext.hpp>

#if C1M_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#if C1M_TSAN
#include <sanitizer/tsan_interface.h>
#endif

namespace c1m::runtime {

namespace context = boost::context::detail;

namespace {

// What make_fcontext() lays out. It leaves most registers' places as they are, and a function that
// does not use a register keeps it: without zeros, what the stack's last tenant left there would
// wait in this one's frames, a word that differs in each coroutine (frame_template.hpp). What
// frames of functions reserve and do not write stays as it was. Exact for a top that is aligned to
// 16, as all stacks' are; two more cache lines would cost a third of a spawn.
#if defined(__x86_64__)
constexpr std::size_t first_frame_bytes = 72;
#else
constexpr std::size_t first_frame_bytes = 192;  // arm64: 176
#endif

// The one word of its frame that jump_fcontext() does not write (for a stack protector's canary,
// which Debian's Boost has not), for the same reason. It lies below the stack pointer of the
// caller, who has no red zone there, for he calls jump_fcontext() next. Not under sanitizers, which
// freeze little or nothing.
[[gnu::always_inline]] inline void clear_unwritten_word() {
#if defined(__x86_64__) && !C1M_ASAN && !C1M_TSAN
  asm volatile("movq $0, -0x40(%%rsp)" ::: "memory");
#endif
}

}  // namespace

// The first frame of a coroutine.
struct SwitchTarget {
  static void enter(context::transfer_t transfer) {
    auto& thread = *static_cast<ThreadContext*>(transfer.data);
    thread.point_ = transfer.fctx;
    CoroutineContext& coroutine = *thread.running_;
#if C1M_ASAN
    __sanitizer_finish_switch_fiber(nullptr, &thread.sanitizer_.bottom, &thread.sanitizer_.bytes);
#endif
    // The last call, so that no frame of this function stays below all others.
    thread.entry_(coroutine);
  }
};

// Not inlined: a compiler takes __cxa_get_globals() for a constant function and would reuse one
// thread's answer on another.
[[gnu::noinline]] void ThreadContext::attach() {
  globals_ = reinterpret_cast<ExceptionGlobals*>(abi::__cxa_get_globals());
#if C1M_TSAN
  sanitizer_.fiber = __tsan_get_current_fiber();
#endif
}

void CoroutineContext::prepare(std::span<std::byte> stack) {
#if C1M_ASAN
  // The last tenant left in the middle of its frames.
  ASAN_UNPOISON_MEMORY_REGION(stack.data(), stack.size());
  sanitizer_ = {.bottom = stack.data(), .bytes = stack.size()};
#endif
  std::memset(stack.data() + stack.size() - first_frame_bytes, 0, first_frame_bytes);
  point_.store(
      context::make_fcontext(stack.data() + stack.size(), stack.size(), SwitchTarget::enter),
      std::memory_order_relaxed);
#if C1M_TSAN
  sanitizer_.fiber = __tsan_create_fiber(0);
#endif
}

void CoroutineContext::resume(ThreadContext& thread) {
  thread.running_ = this;
  // The coroutine starts from none; one that handles some puts them back itself.
  const ExceptionGlobals own = std::exchange(*thread.globals_, {});
#if C1M_ASAN
  __sanitizer_start_switch_fiber(&thread.sanitizer_.fake_stack, sanitizer_.bottom,
                                 sanitizer_.bytes);
#endif
#if C1M_TSAN
  __tsan_switch_to_fiber(sanitizer_.fiber, 0);
#endif
  const context::transfer_t transfer = context::jump_fcontext(saved_point(), &thread);
#if C1M_ASAN
  __sanitizer_finish_switch_fiber(thread.sanitizer_.fake_stack, nullptr, nullptr);
#endif
  point_.store(transfer.fctx, std::memory_order_relaxed);
  *thread.globals_ = own;
}

// Few coroutines wait inside a handler, so the others' frames have no room for what is handled.
void CoroutineContext::suspend(ThreadContext& thread) {
  if (thread.globals_->any()) {
    suspend_while_handling(thread);
  } else {
    leave_for(thread);
  }
}

[[gnu::noinline]] void CoroutineContext::suspend_while_handling(ThreadContext& thread) {
  const ExceptionGlobals handled = *thread.globals_;
  *leave_for(thread).globals_ = handled;
}

// Returns the thread that has resumed the coroutine.
[[gnu::always_inline]] inline ThreadContext& CoroutineContext::leave_for(ThreadContext& thread) {
#if C1M_ASAN
  __sanitizer_start_switch_fiber(&sanitizer_.fake_stack, thread.sanitizer_.bottom,
                                 thread.sanitizer_.bytes);
#endif
#if C1M_TSAN
  __tsan_switch_to_fiber(thread.sanitizer_.fiber, 0);
#endif
  clear_unwritten_word();
  const context::transfer_t transfer = context::jump_fcontext(thread.point_, nullptr);
  auto& next = *static_cast<ThreadContext*>(transfer.data);
#if C1M_ASAN
  __sanitizer_finish_switch_fiber(sanitizer_.fake_stack, &next.sanitizer_.bottom,
                                  &next.sanitizer_.bytes);
#endif
  next.point_ = transfer.fctx;
  return next;
}

void CoroutineContext::suspend_for_ever(ThreadContext& thread) {
#if C1M_ASAN
  // No place to save a fake stack to: the coroutine's own is freed.
  __sanitizer_start_switch_fiber(nullptr, thread.sanitizer_.bottom, thread.sanitizer_.bytes);
#endif
#if C1M_TSAN
  __tsan_switch_to_fiber(thread.sanitizer_.fiber, 0);
#endif
  context::jump_fcontext(thread.point_, nullptr);
  __builtin_unreachable();
}

void CoroutineContext::release() {
  point_.store(nullptr, std::memory_order_relaxed);
#if C1M_TSAN
  __tsan_destroy_fiber(sanitizer_.fiber);
  sanitizer_.fiber = nullptr;
#endif
}

}  // namespace c1m::runtime
