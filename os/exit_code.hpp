// What the exit code of a program of c1m says; the same for all of them.
// Threads: constants. Not here: which code a given failure takes, which its finder decides.
#pragma once

namespace c1m::os {

enum ExitCode : int {
  exit_good = 0,
  exit_failed = 1,
  exit_wrong_usage = 2,
  exit_not_valid = 3,           // the run finished, but a check of it failed
  exit_machine_limit = 4,       // a limit of the machine stands in the way
  exit_threshold_crossed = 99,  // as in k6
  // After SIGINT (130) and SIGTERM (143): this plus the signal's number, as shells count.
  exit_signal_base = 128,
};

}  // namespace c1m::os
