// Memory that a supervisor and its forked shards share: counters that shards write and the
// supervisor reads. T must be trivially destructible and lock-free when touched by both sides
// (std::atomic of a word). Threads: as T allows.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

#include "os/result.hpp"

namespace c1m::os {

// An array of T in anonymous shared memory, zero-initialized by the kernel and then constructed in
// place.
template <class T>
class SharedArray {
  static_assert(std::is_trivially_destructible_v<T>);

 public:
  [[nodiscard]] static Result<SharedArray> create(std::size_t count) {
    const std::size_t bytes = count * sizeof(T);
    void* memory =
        ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return last_error("mmap");
    auto* first = static_cast<T*>(memory);
    std::uninitialized_value_construct_n(first, count);
    return SharedArray(first, count);
  }

  SharedArray(SharedArray&& other) noexcept
      : first_(std::exchange(other.first_, nullptr)), count_(std::exchange(other.count_, 0)) {}
  SharedArray& operator=(SharedArray&& other) noexcept {
    std::swap(first_, other.first_);
    std::swap(count_, other.count_);
    return *this;
  }
  SharedArray(const SharedArray&) = delete;
  SharedArray& operator=(const SharedArray&) = delete;
  ~SharedArray() {
    if (first_ != nullptr) ::munmap(first_, count_ * sizeof(T));
  }

  T& operator[](std::size_t index) { return first_[index]; }
  const T& operator[](std::size_t index) const { return first_[index]; }
  [[nodiscard]] std::size_t size() const { return count_; }

 private:
  SharedArray(T* first, std::size_t count) : first_(first), count_(count) {}
  T* first_;
  std::size_t count_;
};

}  // namespace c1m::os
