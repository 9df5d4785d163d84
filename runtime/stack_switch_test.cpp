// What is where on a stack when its coroutine has suspended.
#include "runtime/stack_switch.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include <gtest/gtest.h>

#include "runtime/sanitizer.hpp"

namespace c1m::runtime {
namespace {

ThreadContext* this_thread = nullptr;

void suspend_once(CoroutineContext& context) {
  context.suspend(*this_thread);
  context.suspend_for_ever(*this_thread);
}

// Else words that nobody reads would differ in coroutines that wait at the same place, and each
// would be stored.
TEST(StackSwitch, RegistersKeepNothingOfTheStacksLastTenant) {
#if !defined(__x86_64__) || C1M_ASAN || C1M_TSAN
  GTEST_SKIP() << "the layout is that of x86-64; under sanitizers one word is left as it was";
#endif
  constexpr std::byte old{0xa5};
  constexpr std::size_t saved_words = 8;  // control words, the unused one, r12 to r15, rbx, rbp
  alignas(64) static std::array<std::byte, 16'384> stack;
  stack.fill(old);
  ThreadContext thread(suspend_once);
  this_thread = &thread;
  thread.attach();
  CoroutineContext coroutine;
  coroutine.prepare(stack);
  coroutine.resume(thread);

  std::array<std::uint64_t, saved_words> saved{};
  std::memcpy(saved.data(), coroutine.saved_point(), sizeof saved);
  std::uint64_t of_last_tenant = 0;
  std::memset(&of_last_tenant, std::to_integer<int>(old), sizeof of_last_tenant);
  for (std::size_t place = 0; place < saved.size(); ++place)
    EXPECT_NE(saved.at(place), of_last_tenant) << "place " << place;
  coroutine.resume(thread);
  coroutine.release();
}

}  // namespace
}  // namespace c1m::runtime
