// An echo server in a child process, for measuring the generator itself: it does as little as a
// server can, so that the generator is the limit.
//
// Invariant: the child ends with this object, and with this process. Threads: start() forks, so it
// must be called while the process has one thread. Not here: anything that a measured server needs.
#pragma once

#include <memory>
#include <optional>
#include <utility>

#include "os/cpu_set.hpp"
#include "os/process.hpp"
#include "os/result.hpp"
#include "os/socket.hpp"

namespace c1m::loadgen {

class TrivialEcho {
 public:
  // Listens on a free loopback port; runs on `cpus` if they are given.
  [[nodiscard]] static os::Result<TrivialEcho> start(const std::optional<os::CpuSet>& cpus);

  TrivialEcho(TrivialEcho&&) = default;
  TrivialEcho& operator=(TrivialEcho&&) = delete;
  TrivialEcho(const TrivialEcho&) = delete;
  TrivialEcho& operator=(const TrivialEcho&) = delete;
  ~TrivialEcho();

  [[nodiscard]] const os::Endpoint& endpoint() const { return endpoint_; }

 private:
  TrivialEcho(os::ChildProcess child, const os::Endpoint& endpoint)
      : child_(std::make_unique<os::ChildProcess>(std::move(child))), endpoint_(endpoint) {}

  std::unique_ptr<os::ChildProcess> child_;  // null when moved from
  os::Endpoint endpoint_;
};

}  // namespace c1m::loadgen
