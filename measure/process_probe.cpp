// Reading of /proc/PID; see process_probe.hpp.
#include "measure/process_probe.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <filesystem>
#include <initializer_list>
#include <system_error>
#include <thread>
#include <vector>

#include "measure/process_probe_text.hpp"
#include "os/file.hpp"

namespace c1m::measure {
namespace {

void mark_unavailable(ProcessSample& sample, std::initializer_list<const char*> fields,
                      const std::string& reason) {
  for (const char* field : fields) sample.unavailable.emplace(field, reason);
}

std::string cannot_read(const std::string& path, const os::Error& error) {
  return "cannot read " + path + ": " + os::describe(error);
}

std::string not_in_format(const std::string& path) {
  return path + " is not in the format of proc(5)";
}

std::uint64_t ticks_to_us(std::uint64_t ticks) {
  static const auto ticks_per_s = static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
  return ticks * 1'000'000 / ticks_per_s;
}

// The names of a directory's entries; /proc/PID/task and /proc/PID/fd have numbers only.
os::Result<std::vector<int>> numbered_entries(const std::string& path) {
  std::vector<int> numbers;
  std::error_code error;
  std::filesystem::directory_iterator entry(path, error);
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    const std::string name = entry->path().filename();
    int number = 0;
    const auto [end, code] = std::from_chars(name.data(), name.data() + name.size(), number);
    if (code == std::errc{} && end == name.data() + name.size()) numbers.push_back(number);
  }
  if (error) return os::fail(error.value(), "readdir");
  return numbers;
}

// Since Linux 6.2 the size of /proc/PID/fd is the number of open descriptors; before, it is 0 and
// the entries have to be counted, which costs about a microsecond each.
os::Result<std::uint64_t> count_descriptors(const std::string& path) {
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0) return os::last_error("stat");
  if (info.st_size > 0) return static_cast<std::uint64_t>(info.st_size);
  const auto entries = numbered_entries(path);
  if (!entries) return std::unexpected(entries.error());
  return entries->size();
}

}  // namespace

ProcessSample ProcessSample::of_ended_process() {
  ProcessSample sample;
  mark_unavailable(
      sample,
      {"cpu_us", "cpu_user_us", "cpu_system_us", "rss_bytes", "pss_bytes", "private_dirty_bytes",
       "threads", "descriptors", "context_switches_voluntary", "context_switches_involuntary",
       "run_queue_delay_us", "page_faults_minor", "page_faults_major"},
      "the process has ended");
  return sample;
}

ProcessProbe::TaskFigures& ProcessProbe::TaskFigures::operator+=(const TaskFigures& other) {
  switches_voluntary += other.switches_voluntary;
  switches_involuntary += other.switches_involuntary;
  run_queue_delay_ns += other.run_queue_delay_ns;
  run_queue_delay_known = run_queue_delay_known && other.run_queue_delay_known;
  return *this;
}

ProcessProbe::ProcessProbe(int pid, const os::Clock& clock, std::string_view proc_root)
    : pid_(pid), clock_(clock), directory_(std::string(proc_root) + "/" + std::to_string(pid)) {}

const os::Clock& ProcessProbe::machine_clock() {
  static const os::MonotonicClock clock;
  return clock;
}

ProcessSample ProcessProbe::sample() {
  ProcessSample sample;
  sample_cpu(sample);
  sample_stat(sample);
  sample_memory(sample);
  sample_descriptors(sample);
  sample_tasks(sample);
  return sample;
}

void ProcessProbe::sample_cpu(ProcessSample& sample) const {
  if (const auto cpu_ns = os::process_cpu_ns(pid_)) {
    sample.cpu_us = static_cast<std::uint64_t>(*cpu_ns / os::ns_per_us);
  } else {
    mark_unavailable(sample, {"cpu_us"}, os::describe(cpu_ns.error()));
  }
}

void ProcessProbe::sample_stat(ProcessSample& sample) const {
  const std::string path = directory_ + "/stat";
  const auto text = os::read_file(path);
  const auto stat = text ? parse_process_stat(*text) : std::nullopt;
  if (!stat) {
    mark_unavailable(
        sample,
        {"cpu_user_us", "cpu_system_us", "threads", "page_faults_minor", "page_faults_major"},
        text ? not_in_format(path) : cannot_read(path, text.error()));
    return;
  }
  sample.cpu_user_us = ticks_to_us(stat->user_ticks);
  sample.cpu_system_us = ticks_to_us(stat->system_ticks);
  sample.threads = stat->threads;
  sample.page_faults_minor = stat->page_faults_minor;
  sample.page_faults_major = stat->page_faults_major;
}

// The kernel walks the process's page tables for this, holding a lock that its page faults wait
// for. So a big process is asked less often: the time between two readings is at least a hundred
// times what the last one took.
void ProcessProbe::sample_memory(ProcessSample& sample) {
  constexpr os::Nanoseconds pause_per_cost = 100;
  const auto unavailable = [&sample](const std::string& reason) {
    mark_unavailable(sample, {"rss_bytes", "pss_bytes", "private_dirty_bytes"}, reason);
  };
  const os::Nanoseconds start_ns = clock_.now_ns();
  if (start_ns < next_memory_ns_) {
    unavailable("reading it takes " + std::to_string(memory_cost_ns_ / os::ns_per_us) +
                " us at this size, so it is not read in every sample");
    return;
  }
  const std::string path = directory_ + "/smaps_rollup";
  const auto text = os::read_file(path);
  memory_cost_ns_ = clock_.now_ns() - start_ns;
  next_memory_ns_ = start_ns + memory_cost_ns_ * pause_per_cost;
  const auto memory = text ? parse_memory_rollup(*text) : std::nullopt;
  if (!memory) {
    unavailable(text ? not_in_format(path) : cannot_read(path, text.error()));
    return;
  }
  sample.rss_bytes = memory->rss_bytes;
  sample.pss_bytes = memory->pss_bytes;
  sample.private_dirty_bytes = memory->private_dirty_bytes;
}

void ProcessProbe::sample_descriptors(ProcessSample& sample) const {
  const std::string path = directory_ + "/fd";
  if (const auto count = count_descriptors(path)) {
    sample.descriptors = *count;
  } else {
    mark_unavailable(sample, {"descriptors"}, cannot_read(path, count.error()));
  }
}

void ProcessProbe::sample_tasks(ProcessSample& sample) {
  const auto unavailable = [&sample](const std::string& reason) {
    mark_unavailable(
        sample,
        {"context_switches_voluntary", "context_switches_involuntary", "run_queue_delay_us"},
        reason);
  };
  tasks_lost_ = tasks_lost_ || sample.threads.value_or(0) > sampled_threads_max;
  if (tasks_lost_) {
    unavailable("the process has or had more than " + std::to_string(sampled_threads_max) +
                " threads; reading the files of each would disturb the measurement");
    return;
  }
  auto present = read_tasks();
  if (!present) {
    unavailable(cannot_read(directory_ + "/task", present.error()));
    return;
  }
  retire_ended_tasks(*present);
  tasks_ = std::move(*present);

  TaskFigures sum = ended_tasks_;
  for (const auto& [tid, figures] : tasks_) sum += figures;
  sample.context_switches_voluntary = sum.switches_voluntary;
  sample.context_switches_involuntary = sum.switches_involuntary;
  if (sum.run_queue_delay_known) {
    sample.run_queue_delay_us = sum.run_queue_delay_ns / os::ns_per_us;
  } else {
    mark_unavailable(sample, {"run_queue_delay_us"},
                     "this kernel shows no /proc/PID/task/TID/schedstat (CONFIG_SCHED_INFO)");
  }
}

os::Result<ProcessProbe::Tasks> ProcessProbe::read_tasks() const {
  const auto tids = numbered_entries(directory_ + "/task");
  if (!tids) return std::unexpected(tids.error());
  Tasks tasks;
  for (const int tid : *tids) {
    // A thread may end between the listing and the reading.
    if (const auto figures = read_task(tid)) tasks.emplace(tid, *figures);
    // Hundreds of threads take milliseconds, and a scheduler that lets a slice run to its end would
    // have whoever measures on this CPU wait for all of them.
    std::this_thread::yield();
  }
  if (tasks.empty()) return os::fail(ESRCH, "read");
  return tasks;
}

std::optional<ProcessProbe::TaskFigures> ProcessProbe::read_task(int tid) const {
  const std::string directory = directory_ + "/task/" + std::to_string(tid);
  const auto status = os::read_file(directory + "/status");
  const auto switches = status ? parse_context_switches(*status) : std::nullopt;
  if (!switches) return std::nullopt;
  const auto schedstat = os::read_file(directory + "/schedstat");
  const auto delay_ns = schedstat ? parse_run_queue_delay(*schedstat) : std::nullopt;
  return TaskFigures{.switches_voluntary = switches->voluntary,
                     .switches_involuntary = switches->involuntary,
                     .run_queue_delay_ns = delay_ns.value_or(0),
                     .run_queue_delay_known = delay_ns.has_value()};
}

void ProcessProbe::retire_ended_tasks(const Tasks& present) {
  for (const auto& [tid, before] : tasks_) {
    const auto now = present.find(tid);
    // A number that counts less than before belongs to a new thread.
    const bool ended = now == present.end() ||
                       now->second.switches_voluntary < before.switches_voluntary ||
                       now->second.switches_involuntary < before.switches_involuntary;
    if (ended) ended_tasks_ += before;
  }
}

}  // namespace c1m::measure
