// fork, pidfd, signalfd, timerfd; see process.hpp.
#include "os/process.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstring>

#include "os/assert.hpp"
#include "os/clock.hpp"

// There in builds with LeakSanitizer only. NOLINTNEXTLINE(bugprone-reserved-identifier,*-naming)
extern "C" [[gnu::weak]] void __lsan_do_leak_check();

namespace c1m::os {
namespace {

// A child ends by _exit, which skips the check that LeakSanitizer makes at a normal exit.
void check_for_leaks() {
  if (__lsan_do_leak_check != nullptr) __lsan_do_leak_check();
}

void reset_signals() {
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2}) std::signal(number, SIG_DFL);
  std::signal(SIGPIPE, SIG_IGN);
}

// Asks to be killed when the parent ends; true if the parent is still there after the request, for
// it may have ended before.
bool die_with_parent(int parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  return ::getppid() == parent;
}

// noexcept: an exception must end the child (abort), not unwind into its copy of the parent's
// frames.
int run_body(const std::function<int()>& body) noexcept {
  const int exit_code = body();
  check_for_leaks();
  return exit_code;
}

}  // namespace

std::string describe(const ExitStatus& status) {
  if (status.signal_number == 0) return "exited with code " + std::to_string(status.exit_code);
  std::string text = "was killed by signal " + std::to_string(status.signal_number);
  if (const char* name = sigabbrev_np(status.signal_number)) {
    text += std::string(" (SIG") + name + ")";
  }
  return text;
}

Result<void> ChildProcess::signal(int number) const {
  if (::syscall(SYS_pidfd_send_signal, pidfd_.get(), number, nullptr, 0) != 0) {
    return last_error("pidfd_send_signal");
  }
  return {};
}

Result<ExitStatus> ChildProcess::wait() {
  int status = 0;
  pid_t reaped = -1;
  do {
    reaped = ::waitpid(pid_, &status, 0);
  } while (reaped < 0 && errno == EINTR);
  if (reaped < 0) return last_error("waitpid");
  if (WIFSIGNALED(status)) return ExitStatus{.exit_code = 0, .signal_number = WTERMSIG(status)};
  return ExitStatus{.exit_code = WEXITSTATUS(status), .signal_number = 0};
}

Result<ChildProcess> fork_child(const std::function<int()>& body) {
  const int parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) return last_error("fork");
  if (pid == 0) {
    reset_signals();
    ::_exit(die_with_parent(parent) ? run_body(body) : 1);
  }
  Descriptor pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!pidfd.is_open()) {
    const auto error = last_error("pidfd_open");
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    return error;
  }
  return ChildProcess(pid, std::move(pidfd));
}

Result<Pipe> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return last_error("pipe2");
  return Pipe{.read_end = Descriptor(ends[0]), .write_end = Descriptor(ends[1])};
}

Result<void> close_descriptors_except(int kept) {
  constexpr unsigned first = STDERR_FILENO + 1;
  constexpr unsigned last = ~0U;
  const auto middle = static_cast<unsigned>(kept);
  C1M_ASSERT(middle >= first, "the standard streams are kept anyway");
  if (middle > first && ::close_range(first, middle - 1, 0) != 0) return last_error("close_range");
  if (::close_range(middle + 1, last, 0) != 0) return last_error("close_range");
  return {};
}

Result<Descriptor> signal_descriptor(std::initializer_list<int> signals) {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : signals) sigaddset(&set, number);
  if (::sigprocmask(SIG_BLOCK, &set, nullptr) != 0) return last_error("sigprocmask");
  Descriptor fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd.is_open()) return last_error("signalfd");
  return fd;
}

Result<int> read_signal(int fd) {
  signalfd_siginfo info{};
  if (::read(fd, &info, sizeof info) != sizeof info) return last_error("read(signalfd)");
  return static_cast<int>(info.ssi_signo);
}

Result<Descriptor> interval_timer(long interval_ns) {
  Descriptor fd(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
  if (!fd.is_open()) return last_error("timerfd_create");
  itimerspec spec{};
  spec.it_interval = {.tv_sec = interval_ns / ns_per_s, .tv_nsec = interval_ns % ns_per_s};
  spec.it_value = spec.it_interval;
  if (::timerfd_settime(fd.get(), 0, &spec, nullptr) != 0) return last_error("timerfd_settime");
  return fd;
}

Result<unsigned long> read_timer(int fd) {
  std::uint64_t expirations = 0;
  if (::read(fd, &expirations, sizeof expirations) != sizeof expirations) {
    if (errno == EAGAIN) return 0;
    return last_error("read(timerfd)");
  }
  return expirations;
}

}  // namespace c1m::os
