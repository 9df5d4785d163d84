// Entering and leaving the debuggers' list; see sight.hpp.
#include "runtime/sight.hpp"

#include <mutex>

#include "runtime/scheduler.hpp"

namespace c1m::runtime {
namespace {

std::mutex& list_mutex() {
  static std::mutex mutex;
  return mutex;
}

}  // namespace

Sight* first_sight = nullptr;

Sight::Sight(Scheduler& of, const RuntimeOptions& options)
    : observation(of, options.coroutines_max), deadlocks(of, options.on_deadlock), scheduler(of) {
  const std::lock_guard lock(list_mutex());
  next_sight = first_sight;
  first_sight = this;
}

Sight::~Sight() {
  const std::lock_guard lock(list_mutex());
  Sight** place = &first_sight;
  while (*place != this) place = &(*place)->next_sight;
  *place = next_sight;
}

}  // namespace c1m::runtime
