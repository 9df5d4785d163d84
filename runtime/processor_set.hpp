// All processors of a runtime, and how many of them coroutines shall run on now.
// Invariants: processors are made in order and live as long as the runtime, so that a thief may
// look at one that is not in use: it is empty then. Those with an index below wanted() are in use;
// one above that still has a worker is surplus and is left at its worker's next look for work.
// Threads: create_up_to() and want() under the scheduler's lock for changes; the rest by any.
// Not here: finding workers for them (processor_change.cpp).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "runtime/atomic.hpp"
#include "runtime/processor.hpp"
#include "runtime/runtime.hpp"

namespace c1m::runtime {

class ProcessorSet {
 public:
  explicit ProcessorSet(unsigned count) { want(count); }

  // Makes the processors that are missing.
  void want(unsigned count) {
    for (std::uint32_t index = created_.load(std::memory_order_relaxed); index < count; ++index) {
      all_[index] = std::make_unique<Processor>(index);
      // Release: who sees the number sees the processor.
      created_.store(index + 1, std::memory_order_release);
    }
    wanted_.store(count);
  }

  [[nodiscard]] std::uint32_t wanted() const { return wanted_.load(std::memory_order_relaxed); }
  [[nodiscard]] bool is_surplus(const Processor& processor) const {
    return processor.index >= wanted();
  }

  // All that were ever made: who looks for what is left somewhere looks at these.
  [[nodiscard]] std::size_t size() const { return created_.load(std::memory_order_acquire); }
  [[nodiscard]] const std::unique_ptr<Processor>* begin() const { return all_.data(); }
  [[nodiscard]] const std::unique_ptr<Processor>* end() const { return begin() + size(); }
  [[nodiscard]] Processor& operator[](std::size_t index) const { return *all_[index]; }

 private:
  std::array<std::unique_ptr<Processor>, processors_max> all_;
  Atomic<std::uint32_t> created_ = 0;
  Atomic<std::uint32_t> wanted_ = 0;
};

}  // namespace c1m::runtime
