// A library to preload: the next madvise() or process_madvise() after the file $C1M_SLOW_MADVISE
// was made lasts $C1M_SLOW_MADVISE_MS longer. Not here: which calls the program makes.
#include <errno.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static void last_longer_once(void) {
  const char* trigger = getenv("C1M_SLOW_MADVISE");
  if (trigger != NULL && unlink(trigger) == 0) {
    const long duration_ms = atol(getenv("C1M_SLOW_MADVISE_MS"));
    const struct timespec duration = {duration_ms / 1000, duration_ms % 1000 * 1000000};
    nanosleep(&duration, NULL);
  }
}

int madvise(void* address, size_t length, int advice) {
  last_longer_once();
  return (int)syscall(SYS_madvise, address, length, advice);
}

ssize_t process_madvise(int pid_fd, const struct iovec* ranges, size_t count, int advice,
                        unsigned flags) {
  last_longer_once();
  return syscall(SYS_process_madvise, pid_fd, ranges, count, advice, flags);
}
