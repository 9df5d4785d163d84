// Spawning into the runtime of the caller; see spawn.hpp.
#include "runtime/spawn.hpp"

#include <utility>

#include "runtime/wait.hpp"

namespace c1m::runtime {

os::Result<void> spawn(std::move_only_function<void()> function, std::source_location where) {
  return worker_of_caller().scheduler().spawn(std::move(function), {}, where);
}

os::Result<void> spawn(std::move_only_function<void()> function, SpawnOptions options,
                       std::source_location where) {
  return worker_of_caller().scheduler().spawn(std::move(function), options, where);
}

}  // namespace c1m::runtime
