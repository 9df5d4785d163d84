// Telling the CPU that a loop waits for another CPU: saves power, and lets the other hardware
// thread of the core go on. Threads: any.
#pragma once

namespace c1m::os {

// Some ten to a hundred cycles.
inline void pause_cpu() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace c1m::os
