// All records of coroutines, in one reserved range: an index finds its record by multiplication,
// and a record that is free stays readable for late wakers. Threads: taking and giving back by any,
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
#include "runtime/free_chains.hpp"

namespace c1m::runtime {

class CoroutineTable {
 public:
  [[nodiscard]] static os::Result<std::unique_ptr<CoroutineTable>> create(
      std::size_t coroutines_max);

  CoroutineTable(const CoroutineTable&) = delete;
  CoroutineTable& operator=(const CoroutineTable&) = delete;
  ~CoroutineTable();

  static constexpr std::uint32_t chain_length = 32;
  // What a processor keeps of free records.
  using Cache = FreeCache<Coroutine, chain_length>;

  // A free record. EAGAIN when coroutines_max are in use or in caches.
  [[nodiscard]] os::Result<Coroutine*> take();
  // As many free ones as a chain has, or fewer, at least one: a new one, when none is free. Fails
  // as take() does.
  [[nodiscard]] os::Result<FreeList<Coroutine>> take_chain();
  void give_back(Coroutine& coroutine);
  // A whole chain.
  void give_back(FreeList<Coroutine> records);

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
  // The lock is held.
  [[nodiscard]] os::Result<Coroutine*> make();
  [[nodiscard]] Coroutine* records() { return reinterpret_cast<Coroutine*>(space_.data()); }

  os::AddressSpace space_;
  const std::size_t coroutines_max_;
  ThreadMutex mutex_;
  FreeChains<Coroutine, chain_length> free_;  // guarded by mutex_
  std::uint32_t created_ = 0;                 // guarded by mutex_; indices run from 1
};

}  // namespace c1m::runtime
