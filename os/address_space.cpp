// mmap and madvise; see address_space.hpp.
#include "os/address_space.hpp"

#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "os/call_watch.hpp"

namespace c1m::os {
namespace {

// Missing in older headers.
constexpr int madv_guard_install = 102;    // MADV_GUARD_INSTALL
constexpr int pidfd_self_thread = -10000;  // PIDFD_SELF_THREAD

// For how many a marker was installed.
std::size_t install_markers(std::byte* first, std::size_t bytes, std::size_t stride,
                            std::size_t count) {
  std::array<iovec, guards_at_once_max> ranges;
  count = std::min(count, ranges.size());
  for (std::size_t i = 0; i < count; ++i) {
    ranges[i] = {.iov_base = first + i * stride, .iov_len = bytes};
  }
  const TimedCall timed(WatchedCall::memory);
  const ssize_t done =
      ::process_madvise(pidfd_self_thread, ranges.data(), count, madv_guard_install, 0);
  return done < 0 ? 0 : static_cast<std::size_t>(done) / bytes;
}

}  // namespace

std::size_t page_bytes() {
  static const auto bytes = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  return bytes;
}

Result<AddressSpace> AddressSpace::reserve(std::size_t bytes) {
  const std::size_t page = page_bytes();
  const std::size_t rounded = (bytes + page - 1) / page * page;
  void* memory = ::mmap(nullptr, rounded, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) return last_error("mmap");
  AddressSpace space(static_cast<std::byte*>(memory), rounded);
  // A kernel without huge pages answers EINVAL, which is as good.
  if (::madvise(memory, rounded, MADV_NOHUGEPAGE) != 0 && errno != EINVAL) {
    return last_error("madvise(MADV_NOHUGEPAGE)");
  }
  return space;
}

AddressSpace& AddressSpace::operator=(AddressSpace&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

AddressSpace::~AddressSpace() {
  if (data_ == nullptr) return;
  const TimedCall timed(WatchedCall::memory);
  ::munmap(data_, size_);
}

Result<GuardKind> install_guard(std::byte* pages, std::size_t bytes, GuardKind kind) {
  const TimedCall timed(WatchedCall::memory);
  if (kind == GuardKind::marker) {
    if (::madvise(pages, bytes, madv_guard_install) == 0) return GuardKind::marker;
    if (errno != EINVAL) return last_error("madvise(MADV_GUARD_INSTALL)");
  }
  if (::mprotect(pages, bytes, PROT_NONE) == 0) return GuardKind::mapping;
  if (errno == ENOMEM) {
    return last_error("mprotect (more mappings than vm.max_map_count allows; raise it)");
  }
  return last_error("mprotect");
}

Result<Guards> install_guards(std::byte* first, std::size_t bytes, std::size_t stride,
                              std::size_t count, GuardKind kind) {
  if (kind == GuardKind::marker && count > 1) {
    const std::size_t done = install_markers(first, bytes, stride, count);
    if (done > 0) return Guards{.count = done, .kind = GuardKind::marker};
  }
  const auto one = install_guard(first, bytes, kind);
  if (!one) return std::unexpected(one.error());
  return Guards{.count = 1, .kind = *one};
}

Result<void> release_memory(std::byte* pages, std::size_t bytes) {
  const TimedCall timed(WatchedCall::memory);
  if (::madvise(pages, bytes, MADV_DONTNEED) != 0) return last_error("madvise(MADV_DONTNEED)");
  return {};
}

}  // namespace c1m::os
