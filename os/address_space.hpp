// Reserved address space: ranges that use memory only where they are touched, and guards inside
// them. Threads: a range is a value with one owner; the free functions may be called from any
// thread. Not here: sharing between processes (shared_memory.hpp).
#pragma once

#include <cstddef>
#include <utility>

#include "os/result.hpp"

namespace c1m::os {

// Bytes of a memory page.
std::size_t page_bytes();

// A private, zero-filled, readable and writable range, without huge pages: one touched byte costs
// one page.
class AddressSpace {
 public:
  // `bytes` is rounded up to whole pages. ENOMEM when the address space or the overcommit limit is
  // exhausted.
  [[nodiscard]] static Result<AddressSpace> reserve(std::size_t bytes);

  AddressSpace() = default;
  AddressSpace(AddressSpace&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  AddressSpace& operator=(AddressSpace&& other) noexcept;
  AddressSpace(const AddressSpace&) = delete;
  AddressSpace& operator=(const AddressSpace&) = delete;
  ~AddressSpace();

  [[nodiscard]] std::byte* data() const { return data_; }
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  AddressSpace(std::byte* data, std::size_t size) : data_(data), size_(size) {}
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

// How a guard came to be.
enum class GuardKind {
  marker,   // MADV_GUARD_INSTALL (Linux 6.13): page-table entries, no mapping of its own
  mapping,  // mprotect: splits the mapping in two, and vm.max_map_count bounds mappings
};

// Makes every access to these whole pages fault with SIGSEGV. Tries a marker unless `kind` says
// otherwise. ENOMEM from a mapping means vm.max_map_count, and the error's operation says so.
[[nodiscard]] Result<GuardKind> install_guard(std::byte* pages, std::size_t bytes,
                                              GuardKind kind = GuardKind::marker);

struct Guards {
  std::size_t count = 0;  // of those asked for, from the first on
  GuardKind kind = GuardKind::marker;
};

inline constexpr std::size_t guards_at_once_max = 16;

// As install_guard(), for `count` (at least 1) ranges of `bytes`, each `stride` bytes after the one
// before: markers for up to guards_at_once_max by one system call where the kernel takes a list of
// ranges for the calling process (Linux 6.15) and no filter forbids it, else for the first alone.
[[nodiscard]] Result<Guards> install_guards(std::byte* first, std::size_t bytes, std::size_t stride,
                                            std::size_t count, GuardKind kind);

// Gives the memory of these whole pages back; they read as zeros afterwards. Guards stay.
[[nodiscard]] Result<void> release_memory(std::byte* pages, std::size_t bytes);

}  // namespace c1m::os
