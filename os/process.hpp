// Child processes and signals as a supervisor needs them: fork a shard, learn of its end as an
// event. Invariant: a child dies with its parent (PR_SET_PDEATHSIG), so no shard outlives a killed
// supervisor. Threads: fork_child() must be called while the process has one thread.
#pragma once

#include <csignal>
#include <functional>
#include <initializer_list>
#include <string>

#include "os/descriptor.hpp"
#include "os/result.hpp"

namespace c1m::os {

// How a process ended: an exit code, or the signal that killed it.
struct ExitStatus {
  int exit_code = 0;  // meaningful when signal_number is 0
  int signal_number = 0;

  [[nodiscard]] bool success() const { return exit_code == 0 && signal_number == 0; }
};
// "exited with code 3" or "was killed by signal 9 (SIGKILL)".
std::string describe(const ExitStatus& status);

// A child made by fork_child(). Destroying it neither waits nor kills.
class ChildProcess {
 public:
  ChildProcess(int pid, Descriptor pidfd) : pid_(pid), pidfd_(std::move(pidfd)) {}

  [[nodiscard]] int pid() const { return pid_; }
  // Becomes readable when the child ends; for a Poller.
  [[nodiscard]] int pidfd() const { return pidfd_.get(); }
  // Sends a signal; by pidfd, so it can never reach another process that got the same pid.
  // ESRCH when the child is gone.
  [[nodiscard]] Result<void> signal(int number) const;
  // Waits for the end and reaps. Call it once.
  [[nodiscard]] Result<ExitStatus> wait();

 private:
  int pid_;
  Descriptor pidfd_;
};

// Runs `body` in a child and ends the child with the code that it returns, by _exit: the parent's
// buffers and destructors do not run twice. An exception that leaves `body` aborts the child. The
// child has an empty signal mask and default signal actions, except that SIGPIPE is ignored.
[[nodiscard]] Result<ChildProcess> fork_child(const std::function<int()>& body);

// A pipe, both ends close-on-exec: how a child tells its parent something. A read returns 0 when
// every copy of the write end is closed.
struct Pipe {
  Descriptor read_end;
  Descriptor write_end;
};
[[nodiscard]] Result<Pipe> make_pipe();

// Closes every descriptor of the calling process but the standard streams and `kept`. For a child
// of fork_child(), which has copies of whatever its parent had open; Descriptor objects of the
// parent must not be destroyed afterwards (a child ends by _exit, so those in the frames above are
// not).
[[nodiscard]] Result<void> close_descriptors_except(int kept);

// Blocks `signals` in the calling thread and returns a descriptor from which they can be read.
[[nodiscard]] Result<Descriptor> signal_descriptor(std::initializer_list<int> signals);
// The next pending signal of a signal_descriptor(), or EAGAIN.
[[nodiscard]] Result<int> read_signal(int fd);

// A periodic timer for a Poller; becomes readable each `interval_ns`.
[[nodiscard]] Result<Descriptor> interval_timer(long interval_ns);
// How many intervals have passed since the last call; 0 when none.
[[nodiscard]] Result<unsigned long> read_timer(int fd);

}  // namespace c1m::os
