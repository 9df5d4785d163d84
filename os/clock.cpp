// The clocks of Linux; see clock.hpp.
#include "os/clock.hpp"

#include <array>
#include <cstdio>
#include <ctime>

namespace c1m::os {
namespace {

Nanoseconds to_ns(const timespec& time) {
  return time.tv_sec * ns_per_s + time.tv_nsec;
}

Nanoseconds read_clock(clockid_t id) {
  timespec time{};
  ::clock_gettime(id, &time);
  return to_ns(time);
}

}  // namespace

Nanoseconds monotonic_ns() {
  return read_clock(CLOCK_MONOTONIC);
}

Nanoseconds coarse_monotonic_ns() {
  return read_clock(CLOCK_MONOTONIC_COARSE);
}

Nanoseconds realtime_ns() {
  return read_clock(CLOCK_REALTIME);
}

Result<Nanoseconds> process_cpu_ns(int pid) {
  clockid_t id{};
  if (const int code = ::clock_getcpuclockid(pid, &id); code != 0) {
    return fail(code, "clock_getcpuclockid");
  }
  timespec time{};
  if (::clock_gettime(id, &time) != 0) return last_error("clock_gettime");
  return to_ns(time);
}

std::string format_utc(Nanoseconds realtime) {
  const std::time_t seconds = realtime / ns_per_s;
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  std::array<char, 40> text{};
  const std::size_t length = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts);
  std::array<char, 8> fraction{};
  std::snprintf(fraction.data(), fraction.size(), ".%03dZ",
                static_cast<int>(realtime % ns_per_s / ns_per_ms));
  return std::string(text.data(), length) + fraction.data();
}

}  // namespace c1m::os
