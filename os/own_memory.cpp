// process_vm_readv on oneself, which needs no permission; see own_memory.hpp.
#include "os/own_memory.hpp"

#include <sys/uio.h>
#include <unistd.h>

#include <utility>

namespace c1m::os {

bool read_own_memory(const void* address, std::span<std::byte> into) {
  const iovec to{.iov_base = into.data(), .iov_len = into.size()};
  const iovec from{.iov_base = const_cast<void*>(address), .iov_len = into.size()};
  const ssize_t read = process_vm_readv(getpid(), &to, 1, &from, 1, 0);
  return std::cmp_equal(read, into.size());
}

}  // namespace c1m::os
