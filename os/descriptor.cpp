// Closing of descriptors; see descriptor.hpp.
#include "os/descriptor.hpp"

#include <fcntl.h>
#include <unistd.h>

namespace c1m::os {

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  if (this != &other) {
    reset();
    fd_ = std::exchange(other.fd_, -1);
  }
  return *this;
}

void Descriptor::reset() {
  if (fd_ < 0) return;
  // Linux frees the number even when close reports EINTR, so it is never retried.
  ::close(fd_);
  fd_ = -1;
}

Result<Descriptor> duplicate(int fd) {
  Descriptor copy(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
  if (!copy.is_open()) return last_error("fcntl(F_DUPFD_CLOEXEC)");
  return copy;
}

}  // namespace c1m::os
