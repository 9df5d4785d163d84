// One owned file descriptor: closed exactly once, moved but never copied.
// Threads: like an int; the owner synchronizes. Not here: reading and writing (socket.hpp,
// file.hpp).
#pragma once

#include <utility>

#include "os/result.hpp"

namespace c1m::os {

class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept;
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { reset(); }

  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool is_open() const { return fd_ >= 0; }
  // Gives the descriptor away; the caller closes it.
  [[nodiscard]] int release() { return std::exchange(fd_, -1); }
  void reset();

 private:
  int fd_ = -1;
};

// A second descriptor for the same open file, close-on-exec.
[[nodiscard]] Result<Descriptor> duplicate(int fd);

}  // namespace c1m::os
