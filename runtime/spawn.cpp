// Spawning into the runtime of the caller; see spawn.hpp.
#include "runtime/spawn.hpp"

#include "runtime/wait.hpp"

namespace c1m::runtime {

os::Result<void> spawn_start(const FunctionToStart& function, SpawnOptions options,
                             std::source_location where) {
  return worker_of_caller().scheduler().spawn(function, options, where);
}

}  // namespace c1m::runtime
