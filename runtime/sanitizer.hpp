// Which sanitizer this build has, by one name for both compilers: C1M_ASAN and C1M_TSAN, 1 or 0.
// Threads: none. Not here: the annotations themselves (stack_switch.cpp).
#pragma once

#if defined(__SANITIZE_ADDRESS__)
#define C1M_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define C1M_ASAN 1
#endif
#endif
#ifndef C1M_ASAN
#define C1M_ASAN 0
#endif

#if defined(__SANITIZE_THREAD__)
#define C1M_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define C1M_TSAN 1
#endif
#endif
#ifndef C1M_TSAN
#define C1M_TSAN 0
#endif
