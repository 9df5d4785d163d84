// Records are made one after another in reserved memory and then recycled; see coroutine_table.hpp.
#include "runtime/coroutine_table.hpp"

#include <memory>

namespace c1m::runtime {

os::Result<std::unique_ptr<CoroutineTable>> CoroutineTable::create(std::size_t coroutines_max) {
  // One more, because index 0 is nobody's.
  auto space = os::AddressSpace::reserve((coroutines_max + 1) * sizeof(Coroutine));
  if (!space) return std::unexpected(space.error());
  return std::unique_ptr<CoroutineTable>(new CoroutineTable(std::move(*space), coroutines_max));
}

CoroutineTable::~CoroutineTable() {
  for (std::uint32_t index = 1; index <= created_; ++index) std::destroy_at(&at(index));
}

os::Result<Coroutine*> CoroutineTable::take() {
  const std::lock_guard lock(mutex_);
  if (Coroutine* const one = free_.take_one()) return one;
  return make();
}

os::Result<FreeList<Coroutine>> CoroutineTable::take_chain() {
  const std::lock_guard lock(mutex_);
  FreeList<Coroutine> records = free_.take();
  if (records.count == 0) {
    auto made = make();
    if (!made) return std::unexpected(made.error());
    records.push(*made);
  }
  return records;
}

os::Result<Coroutine*> CoroutineTable::make() {
  if (created_ == coroutines_max_) {
    return os::fail(EAGAIN,
                    "spawn (coroutines_max are alive, or kept by processors for their next ones)");
  }
  ++created_;
  return std::construct_at(records() + created_, created_);
}

std::uint32_t CoroutineTable::created() {
  const std::lock_guard lock(mutex_);
  return created_;
}

void CoroutineTable::give_back(Coroutine& coroutine) {
  const std::lock_guard lock(mutex_);
  free_.put_one(&coroutine);
}

void CoroutineTable::give_back(FreeList<Coroutine> records) {
  const std::lock_guard lock(mutex_);
  free_.put(records);
}

}  // namespace c1m::runtime
