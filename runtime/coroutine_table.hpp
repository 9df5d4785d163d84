// All records of coroutines, in one reserved range: an index finds its record by multiplication,
// and a record that is free stays readable for late wakers. Threads: take() and give_back() by any,
// under one lock, which the processors' caches keep cold; at() by any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "os/address_space.hpp"
#include "os/result.hpp"
#include "runtime/atomic.hpp"
#include "runtime/coroutine.hpp"

namespace c1m::runtime {

class CoroutineTable {
 public:
  [[nodiscard]] static os::Result<std::unique_ptr<CoroutineTable>> create(
      std::size_t coroutines_max);

  CoroutineTable(const CoroutineTable&) = delete;
  CoroutineTable& operator=(const CoroutineTable&) = delete;
  ~CoroutineTable();

  // A free record. EAGAIN when coroutines_max are in use.
  [[nodiscard]] os::Result<Coroutine*> take();
  void give_back(Coroutine& coroutine);

  // Records run from 1 to this.
  [[nodiscard]] std::uint32_t created();

  // It will be woken soon.
  void prefetch(std::uint32_t index) {
    const Coroutine& record = at(index);
    __builtin_prefetch(&record);
  }

  // The record of a token, which is in use or has been.
  [[nodiscard]] Coroutine& at(std::uint32_t index) { return records()[index]; }

 private:
  CoroutineTable(os::AddressSpace space, std::size_t coroutines_max)
      : space_(std::move(space)), coroutines_max_(coroutines_max) {}
  [[nodiscard]] Coroutine* records() { return reinterpret_cast<Coroutine*>(space_.data()); }

  os::AddressSpace space_;
  const std::size_t coroutines_max_;
  ThreadMutex mutex_;
  Coroutine* free_ = nullptr;  // guarded by mutex_
  std::uint32_t created_ = 0;  // guarded by mutex_; indices run from 1
};

}  // namespace c1m::runtime
