// For tests: how long a timer descriptor still runs, as the kernel says.
#pragma once

#include <fstream>
#include <sstream>
#include <string>

#include <gtest/gtest.h>

#include "os/clock.hpp"

namespace c1m::os {

// 0 when it does not run.
inline Nanoseconds timer_left_ns(int timer) {
  std::ifstream info("/proc/self/fdinfo/" + std::to_string(timer));
  for (std::string line; std::getline(info, line);) {
    std::istringstream fields(line);  // it_value: (SECONDS, NANOSECONDS)
    std::string name;
    char separator = 0;
    Nanoseconds seconds = 0;
    Nanoseconds rest_ns = 0;
    fields >> name >> separator >> seconds >> separator >> rest_ns;
    if (fields && name == "it_value:") return seconds * ns_per_s + rest_ns;
  }
  ADD_FAILURE() << "descriptor " << timer << " is no timer";
  return 0;
}

}  // namespace c1m::os
