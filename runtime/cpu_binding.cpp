// From the topology to one set of CPUs a processor; see cpu_binding.hpp.
#include "runtime/cpu_binding.hpp"

#include <utility>

#include "os/topology.hpp"

namespace c1m::runtime {

os::Result<CpuBinding> CpuBinding::create(ProcessorBinding binding, unsigned processors) {
  CpuBinding made;
  made.binding_ = binding;
  if (binding == ProcessorBinding::none) return made;
  auto topology = os::read_topology();
  if (!topology) return std::unexpected(topology.error());
  if (binding == ProcessorBinding::cpu) {
    for (const int cpu : topology->cpus) made.places_.push_back({cpu});
  } else {
    for (os::NumaNode& node : topology->nodes) made.places_.push_back(std::move(node.cpus));
  }
  made.usable_ = std::move(topology->cpus);
  if (auto enough = made.check(processors); !enough) return std::unexpected(enough.error());
  return made;
}

os::Result<void> CpuBinding::check(unsigned processors) const {
  if (binding_ == ProcessorBinding::cpu && processors > places_.size()) {
    return os::fail(EINVAL, "binding processors to CPUs (the process may use fewer CPUs)");
  }
  return {};
}

os::Result<void> CpuBinding::bind_calling_thread(std::uint32_t processor_index) const {
  return os::bind_to(places_[processor_index % places_.size()]);
}

os::Result<void> CpuBinding::unbind_calling_thread() const {
  return os::bind_to(usable_);
}

}  // namespace c1m::runtime
