// The scheduler by chance and the store buffers; see model_machine.hpp.
#include "runtime/model/model_machine.hpp"

#include <algorithm>
#include <cstring>
#include <ranges>
#include <utility>

#include "os/assert.hpp"

namespace c1m::runtime {

bool in_force(Safeguard safeguard) {
  const model::Machine* machine = model::Machine::current();
  return machine == nullptr || !machine->is_left_out(safeguard);
}

}  // namespace c1m::runtime

namespace c1m::runtime::model {
namespace {

Machine* machine_that_runs = nullptr;  // one at a time, on the test's only thread
constexpr std::size_t stack_bytes = 256 * 1024;
constexpr std::uint64_t steps_max = 1'000'000;
// Enough for a run to end meanwhile.
constexpr std::uint64_t stall_steps_max = 2000;

}  // namespace

Machine::Machine(std::uint64_t seed, Memory memory, Defect defect)
    : random_(seed), defect_(defect), memory_(memory), weak_(random_) {
  C1M_ASSERT(machine_that_runs == nullptr, "one machine at a time");
  driver_.attach();
  // Rare races need long runs of one thread, a thread that stands still for long, or stores that
  // stay in their buffer for long: each seed has its own habits.
  flush_one_in_ = std::uint64_t{2} << random_() % 7;
  switch_one_in_ = std::uint64_t{1} << random_() % 6;
  // A wake-up for no reason rescues from a lost one: only some seeds have them.
  early_return_one_in_ = random_() % 4 == 0 ? 4 : 0;
  stall_one_in_ = random_() % 4 == 0 ? 256 : 0;
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
  std::exchange(self.body, nullptr)();
  self.ended = true;  // what is in its buffer comes out when chance wants
  self.context.suspend_for_ever(machine.driver_);
}

std::size_t Machine::start(std::function<void()> body) {
  auto thread = std::make_unique<VirtualThread>();
  thread->body = std::move(body);
  auto stack = os::AddressSpace::reserve(stack_bytes);
  C1M_ASSERT(stack, "the machine has a few hundred KiB");
  thread->stack = std::move(*stack);
  thread->context.prepare({thread->stack.data(), thread->stack.size()});
  thread->view.thread = threads_.size() + 1;
  C1M_ASSERT(thread->view.thread <= weak_threads_max, "a check has a few threads");
  if (running_ != nullptr) thread->view.now = running_->view.now;
  threads_.push_back(std::move(thread));
  return threads_.size() - 1;
}

void Machine::join(std::size_t thread) {
  const VirtualThread& joined = *threads_[thread];
  wait_until([&joined] { return joined.ended && joined.buffer.empty(); });
  running_->view.now.join(joined.view.now);
}

bool Machine::run(std::vector<std::function<void()>> bodies) {
  machine_that_runs = this;
  for (std::function<void()>& body : bodies) start(std::move(body));
  const auto ended = [](const auto& thread) { return thread->ended; };
  while (!std::ranges::all_of(threads_, ended)) {
    if (steps_ > steps_max) {
      failure_ = "no end after " + std::to_string(steps_max) + " steps";
      return false;
    }
    VirtualThread* next = choose();
    if (next == nullptr) {
      if (flush_one_by_chance() || let_time_pass()) continue;
      failure_ = "deadlock: every thread waits and no deadline is to come";
      return false;
    }
    next->condition = nullptr;
    next->deadline_ns = never;
    running_ = next;
    next->context.resume(driver_);
    running_ = nullptr;
    if (!failure_.empty()) return false;
  }
  while (flush_one_by_chance()) {
  }
  return true;
}

Machine::VirtualThread* Machine::choose() {
  candidates_.clear();
  for (const auto& thread : threads_) {
    const bool waits =
        thread->condition != nullptr && !(*thread->condition)() && thread->deadline_ns > now_ns_;
    if (!thread->ended && !waits) candidates_.push_back(thread.get());
  }
  if (candidates_.empty()) return nullptr;
  if (steps_ < stalled_until_ && candidates_.size() > 1) std::erase(candidates_, stalled_);
  return candidates_[random_() % candidates_.size()];
}

bool Machine::flush_one_by_chance() {
  candidates_.clear();
  for (const auto& thread : threads_) {
    if (!thread->buffer.empty()) candidates_.push_back(thread.get());
  }
  if (candidates_.empty()) return false;
  apply_first(*candidates_[random_() % candidates_.size()]);
  return true;
}

bool Machine::let_time_pass() {
  os::Nanoseconds earliest_ns = never;
  for (const auto& thread : threads_) {
    if (!thread->ended) earliest_ns = std::min(earliest_ns, thread->deadline_ns);
  }
  if (earliest_ns == never) return false;
  now_ns_ = std::max(now_ns_, earliest_ns);
  return true;
}

void Machine::step() {
  ++steps_;
  if (random_() % flush_one_in_ == 0) flush_one_by_chance();
  if (stall_one_in_ != 0 && steps_ >= stalled_until_ && chance(stall_one_in_)) {
    stalled_ = running_;
    stalled_until_ = steps_ + random_() % stall_steps_max;
    running_->context.suspend(driver_);
    return;
  }
  if (random_() % switch_one_in_ != 0 && steps_ <= steps_max) return;
  running_->context.suspend(driver_);
}

void Machine::wait_until(const std::function<bool()>& condition, os::Nanoseconds deadline_ns) {
  block_until(condition, deadline_ns);
  running_->view.now.join(kernel_);
}

void Machine::block_until(const std::function<bool()>& condition, os::Nanoseconds deadline_ns) {
  ++steps_;
  running_->condition = &condition;
  running_->deadline_ns = deadline_ns;
  running_->context.suspend(driver_);
}

os::Nanoseconds Machine::now_ns() {
  if (chance(8)) now_ns_ += static_cast<os::Nanoseconds>(random_() % (20 * os::ns_per_us));
  return now_ns_;
}

void Machine::sleep_on(const void* address, os::Nanoseconds deadline_ns) {
  if (early_return_one_in_ != 0 && chance(early_return_one_in_)) return;
  Sleeper self{.address = address, .woken = false};
  sleepers_.push_back(&self);
  wait_until([&self] { return self.woken; }, deadline_ns);
  std::erase(sleepers_, &self);
}

void Machine::wake_one(const void* address) {
  const auto asleep = [address](const Sleeper* sleeper) {
    return sleeper->address == address && !sleeper->woken;
  };
  const auto found = std::ranges::find_if(sleepers_, asleep);
  if (found != sleepers_.end()) (*found)->woken = true;
}

// --- memory --------------------------------------------------------------------------------------

void Machine::apply_first(VirtualThread& of) {
  const Store store = of.buffer.front();
  of.buffer.pop_front();
  std::memcpy(store.address, &store.value, store.bytes);
}

void Machine::drain() {
  while (!running_->buffer.empty()) apply_first(*running_);
}

// The thread goes no further, because whatever it does next could abort.
void Machine::require_alive(const void* address) {
  if (!ended_.contains(address)) return;
  failure_ = "an atomic or a mutex is used after its end";
  running_->context.suspend(driver_);
}

void Machine::load(const void* address, void* into, std::size_t bytes, std::memory_order order) {
  require_alive(address);
  if (memory_ == Memory::weak) {
    weak_.load(running_->view, address, into, bytes, order);
    return;
  }
  // The youngest store of its own hides older ones and the memory.
  const auto youngest_first = std::views::reverse(running_->buffer);
  const auto own = std::ranges::find(youngest_first, address, &Store::address);
  std::memcpy(into, own != youngest_first.end() ? &own->value : address, bytes);
}

void Machine::store(void* address, const void* from, std::size_t bytes, std::memory_order order) {
  require_alive(address);
  if (memory_ == Memory::weak) {
    weak_.store(running_->view, address, from, bytes, order);
    return;
  }
  Store store{.address = address, .value = 0, .bytes = bytes};
  std::memcpy(&store.value, from, bytes);
  running_->buffer.push_back(store);
  if (order == std::memory_order_seq_cst) drain();
}

void Machine::begin_change(const void* address) {
  require_alive(address);
  drain();
}

void Machine::read_latest(const void* address, std::memory_order order) {
  if (memory_ == Memory::weak) weak_.read_latest(running_->view, address, order);
}

void Machine::end_change(void* address, const void* from, std::size_t bytes,
                         std::memory_order order) {
  if (memory_ == Memory::weak) {
    weak_.end_change(running_->view, address, from, bytes, order);
  } else {
    std::memcpy(address, from, bytes);
  }
}

void Machine::fence() {
  if (defect_ == Defect::void_fences) return;
  drain();
  weak_.fence(running_->view);
}

void Machine::fence_all() {
  step();
  // The caller's first, for what it did before, and last, for what it does after.
  fence();
  VirtualThread* const caller = running_;
  for (const auto& thread : threads_) {
    running_ = thread.get();
    fence();
  }
  running_ = caller;
  fence();
}

void Machine::lock(bool& locked, VectorClock& passed_on) {
  require_alive(&locked);
  block_until([&locked] { return !locked; }, never);
  locked = true;
  drain();
  running_->view.now.join(passed_on);
}

void Machine::unlock(bool& locked, VectorClock& passed_on) {
  require_alive(&locked);
  drain();
  passed_on = running_->view.now;
  locked = false;
}

void Machine::system_call() {
  drain();
  running_->view.now.join(kernel_);
  kernel_.join(running_->view.now);
}

void Machine::end_of(const void* address) {
  ended_.insert(address);
  weak_.forget(address);
  for (const auto& thread : threads_) {
    const auto there = [address](const Store& store) { return store.address == address; };
    if (std::ranges::any_of(thread->buffer, there)) std::erase_if(thread->buffer, there);
  }
}

}  // namespace c1m::runtime::model
