// What a process costs, seen from outside through /proc: CPU, memory, threads, descriptors, context
// switches, run-queue delay, faults. Invariant: sampling takes at most about 1 % of one CPU from
// the machine, whatever the process looks like; what would cost more is left out, with the reason.
// Threads: one thread at a time a probe. Not here: counters of the program itself.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "os/clock.hpp"
#include "os/result.hpp"

namespace c1m::measure {

// One look at a process. Times, switches and faults count since its start; the rest is the present
// value. A value that could not be read is empty, and `unavailable` has the reason under the
// member's name.
struct ProcessSample {
  std::optional<std::uint64_t>
      cpu_us;  // user and system, from the scheduler's own clock (ns inside)
  std::optional<std::uint64_t> cpu_user_us;  // these two in steps of a clock tick, 10 ms as a rule
  std::optional<std::uint64_t> cpu_system_us;
  std::optional<std::uint64_t> rss_bytes;
  std::optional<std::uint64_t> pss_bytes;
  std::optional<std::uint64_t> private_dirty_bytes;
  std::optional<std::uint64_t> threads;
  std::optional<std::uint64_t> descriptors;
  std::optional<std::uint64_t> context_switches_voluntary;
  std::optional<std::uint64_t> context_switches_involuntary;
  std::optional<std::uint64_t> run_queue_delay_us;  // runnable without a CPU, summed over threads
  std::optional<std::uint64_t> page_faults_minor;
  std::optional<std::uint64_t> page_faults_major;
  std::map<std::string, std::string> unavailable;

  // For a process that has ended: every value is empty, with that reason.
  static ProcessSample of_ended_process();
};

class ProcessProbe {
 public:
  // A process with more threads than this is not asked for what stands in each thread's own files:
  // two files of about 15 us each a thread would cost the machine more than the bound above at one
  // sample a second.
  static constexpr std::uint64_t sampled_threads_max = 256;

  // `proc_root` and `clock` are the machine's own but in tests; `clock` must outlive the probe.
  explicit ProcessProbe(int pid, const os::Clock& clock = machine_clock(),
                        std::string_view proc_root = "/proc");

  [[nodiscard]] ProcessSample sample();
  [[nodiscard]] int pid() const { return pid_; }

 private:
  struct TaskFigures {
    std::uint64_t switches_voluntary = 0;
    std::uint64_t switches_involuntary = 0;
    std::uint64_t run_queue_delay_ns = 0;
    bool run_queue_delay_known = true;  // false: this kernel does not count it
    TaskFigures& operator+=(const TaskFigures& other);
  };
  using Tasks = std::unordered_map<int, TaskFigures>;

  static const os::Clock& machine_clock();

  void sample_cpu(ProcessSample& sample) const;
  void sample_stat(ProcessSample& sample) const;
  void sample_memory(ProcessSample& sample);
  void sample_descriptors(ProcessSample& sample) const;
  void sample_tasks(ProcessSample& sample);
  [[nodiscard]] os::Result<Tasks> read_tasks() const;
  [[nodiscard]] std::optional<TaskFigures> read_task(int tid) const;
  void retire_ended_tasks(const Tasks& present);

  int pid_;
  const os::Clock& clock_;
  std::string directory_;  // /proc/PID
  // The kernel shows switches and delays of living threads only, so those of threads that have
  // ended are kept here as they were last seen: sums do not go back when a thread ends.
  Tasks tasks_;
  TaskFigures ended_tasks_;
  bool tasks_lost_ = false;  // there were once too many threads, so the sums can no longer be right
  os::Nanoseconds next_memory_ns_ = 0;
  os::Nanoseconds memory_cost_ns_ = 0;  // of the last reading
};

}  // namespace c1m::measure
