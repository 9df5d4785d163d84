// The only place that knows hwloc; see topology.hpp.
#include "os/topology.hpp"

#include <hwloc.h>

#include <algorithm>
#include <iterator>
#include <memory>
#include <utility>

namespace c1m::os {
namespace {

struct Destroy {
  void operator()(hwloc_topology* topology) const { ::hwloc_topology_destroy(topology); }
};
using LoadedTopology = std::unique_ptr<hwloc_topology, Destroy>;

Result<LoadedTopology> load() {
  hwloc_topology_t topology = nullptr;
  if (::hwloc_topology_init(&topology) != 0) return last_error("hwloc_topology_init");
  LoadedTopology loaded(topology);
  if (::hwloc_topology_load(topology) != 0) return last_error("hwloc_topology_load");
  return loaded;
}

CpuSet cpus_of(hwloc_const_cpuset_t set) {
  CpuSet cpus;
  for (int cpu = ::hwloc_bitmap_first(set); cpu >= 0; cpu = ::hwloc_bitmap_next(set, cpu)) {
    cpus.push_back(cpu);
  }
  return cpus;
}

CpuSet common(const CpuSet& left, const CpuSet& right) {
  CpuSet both;
  std::ranges::set_intersection(left, right, std::back_inserter(both));
  return both;
}

}  // namespace

Result<Topology> read_topology() {
  auto loaded = load();
  if (!loaded) return std::unexpected(loaded.error());
  auto allowed = allowed_cpus();
  if (!allowed) return std::unexpected(allowed.error());
  Topology found{.cpus = std::move(*allowed), .nodes = {}};
  hwloc_topology_t topology = loaded->get();
  hwloc_obj_t node = nullptr;
  while ((node = ::hwloc_get_next_obj_by_type(topology, HWLOC_OBJ_NUMANODE, node)) != nullptr) {
    CpuSet usable = common(cpus_of(node->cpuset), found.cpus);
    if (usable.empty()) continue;
    found.nodes.push_back({.number = static_cast<int>(node->os_index), .cpus = std::move(usable)});
  }
  std::ranges::sort(found.nodes, {}, &NumaNode::number);
  if (found.nodes.empty()) found.nodes.push_back({.number = 0, .cpus = found.cpus});
  return found;
}

}  // namespace c1m::os
