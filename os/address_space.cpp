// mmap and madvise; see address_space.hpp.
#include "os/address_space.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include "os/call_watch.hpp"

namespace c1m::os {
namespace {

constexpr int madv_guard_install = 102;  // MADV_GUARD_INSTALL, missing in older headers

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

Result<void> release_memory(std::byte* pages, std::size_t bytes) {
  const TimedCall timed(WatchedCall::memory);
  if (::madvise(pages, bytes, MADV_DONTNEED) != 0) return last_error("madvise(MADV_DONTNEED)");
  return {};
}

}  // namespace c1m::os
