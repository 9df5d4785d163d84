// Debug builds notice an object in the frames of another compact or freezable coroutine when it
// reaches a primitive of the runtime: those frames may be copies elsewhere at that moment, and what
// is written to their place would be lost or hit the resident. Every primitive that looks at what
// it is given says so here. Threads: coroutines; of other threads, and inside blocking(), nothing
// is known and nothing is said. Not here: an object of another coroutine of the caller's own slot
// that lies above the caller's frames, which looks like one of its own.
#pragma once

namespace c1m::runtime {

// The model machine has its own ways to find a lost write.
#if defined(C1M_CHECKED_FRAMES) && !defined(C1M_RUNTIME_MODEL)
inline constexpr bool frames_are_checked = true;
#else
inline constexpr bool frames_are_checked = false;
#endif

// Aborts with a message that names `primitive`, the caller and where it was spawned.
void assert_reachable(const void* object, const char* primitive);

// `object` is about to be looked at, by the calling coroutine or later by others for it.
inline void check_reachable(const void* object, const char* primitive) {
  if constexpr (frames_are_checked) assert_reachable(object, primitive);
}

}  // namespace c1m::runtime
