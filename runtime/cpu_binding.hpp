// Which CPUs the worker of each processor is bound to.
// Invariant: does not change while the runtime lives. Threads: any, once made.
// Not here: memory: Linux places a page on the node of the thread that touches it first, so what a
// bound worker's coroutines touch is near.
#pragma once

#include <cstdint>
#include <vector>

#include "os/cpu_set.hpp"
#include "os/result.hpp"
#include "runtime/runtime.hpp"

namespace c1m::runtime {

class CpuBinding {
 public:
  // EINVAL when `binding` does not work with so many processors here.
  [[nodiscard]] static os::Result<CpuBinding> create(ProcessorBinding binding, unsigned processors);

  // Whether so many processors can be bound: each CPU takes one, a NUMA node any number.
  [[nodiscard]] os::Result<void> check(unsigned processors) const;

  [[nodiscard]] bool is_on() const { return binding_ != ProcessorBinding::none; }
  // Binds the calling thread to the CPUs of a processor, or gives it back all that were there.
  [[nodiscard]] os::Result<void> bind_calling_thread(std::uint32_t processor_index) const;
  [[nodiscard]] os::Result<void> unbind_calling_thread() const;

 private:
  ProcessorBinding binding_ = ProcessorBinding::none;
  os::CpuSet usable_;
  std::vector<os::CpuSet> places_;  // of processor i: i modulo their number
};

}  // namespace c1m::runtime
