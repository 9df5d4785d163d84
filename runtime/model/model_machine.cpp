// The scheduler by chance and the store buffers; see model_machine.hpp.
#include "runtime/model/model_machine.hpp"

#include <algorithm>
#include <cstring>
#include <ranges>

#include "os/assert.hpp"

namespace c1m::runtime::model {
namespace {

Machine* machine_that_runs = nullptr;  // one at a time, on the test's only thread
constexpr std::size_t stack_bytes = 256 * 1024;

}  // namespace

Machine::Machine(std::uint64_t seed, Defect defect) : random_(seed), defect_(defect) {
  C1M_ASSERT(machine_that_runs == nullptr, "one machine at a time");
  driver_.attach();
  // Rare races need long runs of one thread, or stores that stay in their buffer for long: each
  // seed has its own habits.
  flush_one_in_ = std::uint64_t{2} << random_() % 7;
  switch_one_in_ = std::uint64_t{1} << random_() % 4;
}

Machine::~Machine() {
  machine_that_runs = nullptr;
}

Machine* Machine::current() {
  const bool inside = machine_that_runs != nullptr && machine_that_runs->running_ != nullptr;
  return inside ? machine_that_runs : nullptr;
}

void Machine::enter(CoroutineContext&) {
  Machine& machine = *machine_that_runs;
  VirtualThread& self = *machine.running_;
  self.body();
  self.ended = true;  // what is in its buffer comes out when chance wants
  self.context.suspend_for_ever(machine.driver_);
}

bool Machine::run(std::vector<std::function<void()>> bodies) {
  machine_that_runs = this;
  for (std::function<void()>& body : bodies) {
    auto thread = std::make_unique<VirtualThread>();
    thread->body = std::move(body);
    auto stack = os::AddressSpace::reserve(stack_bytes);
    C1M_ASSERT(stack, "the machine has a few hundred KiB");
    thread->stack = std::move(*stack);
    thread->context.prepare({thread->stack.data(), thread->stack.size()}, enter);
    threads_.push_back(std::move(thread));
  }
  const auto ended = [](const auto& thread) { return thread->ended; };
  while (!std::ranges::all_of(threads_, ended)) {
    if (random_() % flush_one_in_ == 0 && flush_one_by_chance()) continue;
    VirtualThread* next = choose();
    if (next == nullptr) {
      if (flush_one_by_chance()) continue;
      return false;
    }
    next->condition = nullptr;
    last_ = running_ = next;
    next->context.resume(driver_);
    running_ = nullptr;
  }
  while (flush_one_by_chance()) {
  }
  return true;
}

Machine::VirtualThread* Machine::choose() {
  std::vector<VirtualThread*> able;
  for (const auto& thread : threads_) {
    const bool waits = thread->condition != nullptr && !(*thread->condition)();
    if (!thread->ended && !waits) able.push_back(thread.get());
  }
  if (able.empty()) return nullptr;
  const bool last_is_able = std::ranges::find(able, last_) != able.end();
  if (last_is_able && random_() % switch_one_in_ != 0) return last_;
  return able[random_() % able.size()];
}

bool Machine::flush_one_by_chance() {
  std::vector<VirtualThread*> holding;
  for (const auto& thread : threads_) {
    if (!thread->buffer.empty()) holding.push_back(thread.get());
  }
  if (holding.empty()) return false;
  std::deque<Store>& buffer = holding[random_() % holding.size()]->buffer;
  apply(buffer.front());
  buffer.pop_front();
  return true;
}

void Machine::step() {
  running_->context.suspend(driver_);
}

void Machine::wait_until(const std::function<bool()>& condition) {
  running_->condition = &condition;
  step();
}

void Machine::apply(const Store& store) {
  std::memcpy(store.address, &store.value, store.bytes);
}

void Machine::read(const void* address, void* into, std::size_t bytes) {
  // The youngest store of its own hides older ones and the memory.
  const auto youngest_first = std::views::reverse(running_->buffer);
  const auto own = std::ranges::find(youngest_first, address, &Store::address);
  std::memcpy(into, own != youngest_first.end() ? &own->value : address, bytes);
}

void Machine::write_buffered(void* address, const void* from, std::size_t bytes) {
  Store store{.address = address, .value = 0, .bytes = bytes};
  std::memcpy(&store.value, from, bytes);
  running_->buffer.push_back(store);
}

void Machine::drain() {
  for (const Store& store : running_->buffer) apply(store);
  running_->buffer.clear();
}

}  // namespace c1m::runtime::model
