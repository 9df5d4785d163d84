// schedstat and getrusage; see thread_usage.hpp.
#include "os/thread_usage.hpp"

#include <sys/resource.h>

#include <array>
#include <charconv>
#include <cstddef>
#include <span>
#include <string_view>

#include "os/file.hpp"
#include "os/thread.hpp"

namespace c1m::os {
namespace {

// Takes the number with which `text` begins, and the space after it.
bool take_number(std::string_view& text, Nanoseconds& value) {
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc{}) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  if (!text.empty()) text.remove_prefix(1);
  return true;
}

}  // namespace

ThreadUsage operator-(const ThreadUsage& later, const ThreadUsage& earlier) {
  return {.cpu_ns = later.cpu_ns - earlier.cpu_ns,
          .run_queue_delay_ns = later.run_queue_delay_ns - earlier.run_queue_delay_ns,
          .page_faults_minor = later.page_faults_minor - earlier.page_faults_minor,
          .page_faults_major = later.page_faults_major - earlier.page_faults_major};
}

Result<ThreadUsage> ThreadUsageReader::read() {
  if (thread_ != current_thread()) {
    auto opened = open_file("/proc/thread-self/schedstat", FileAccess::read);
    if (!opened) return std::unexpected(opened.error());
    schedstat_ = *std::move(opened);
    thread_ = current_thread();
  }
  std::array<char, 96> text{};
  const auto got = read_at(schedstat_.get(), std::as_writable_bytes(std::span(text)), 0);
  if (!got) return std::unexpected(got.error());
  // Time on a CPU, time waiting for one, time slices.
  std::string_view rest(text.data(), *got);
  ThreadUsage usage;
  if (!take_number(rest, usage.cpu_ns) || !take_number(rest, usage.run_queue_delay_ns))
    return fail(ENOTSUP, "/proc/thread-self/schedstat");
  rusage faults{};
  if (::getrusage(RUSAGE_THREAD, &faults) != 0) return last_error("getrusage");
  usage.page_faults_minor = static_cast<std::uint64_t>(faults.ru_minflt);
  usage.page_faults_major = static_cast<std::uint64_t>(faults.ru_majflt);
  return usage;
}

}  // namespace c1m::os
