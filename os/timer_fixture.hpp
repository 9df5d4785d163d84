// For tests: how long a timer descriptor still runs, as the kernel says.
#pragma once

#include <cstdio>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "os/clock.hpp"

namespace c1m::os {

// 0 when it does not run.
inline Nanoseconds timer_left_ns(int timer) {
  std::ifstream info("/proc/self/fdinfo/" + std::to_string(timer));
  for (std::string line; std::getline(info, line);) {
    long long seconds = 0;
    long long rest_ns = 0;
    if (std::sscanf(line.c_str(), "it_value: (%lld, %lld)", &seconds, &rest_ns) == 2) {
      return seconds * ns_per_s + rest_ns;
    }
  }
  ADD_FAILURE() << "descriptor " << timer << " is no timer";
  return 0;
}

}  // namespace c1m::os
