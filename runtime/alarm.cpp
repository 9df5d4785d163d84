// A delayed call is a coroutine that waits for an alarm; see alarm.hpp.
#include "runtime/alarm.hpp"

#include <utility>

#include "runtime/spawn.hpp"

namespace c1m::runtime {

os::Result<DelayedCall> call_after(os::Nanoseconds delay_ns,
                                   std::move_only_function<void()> function,
                                   std::source_location where) {
  auto alarm = std::make_shared<Alarm>(delay_ns);
  auto spawned = spawn(
      [alarm, call = std::move(function)] mutable {
        // Whoever takes the alarm and whoever stops it do so under its lock: one of them is first.
        if (alarm->wait()) call();
      },
      where);
  if (!spawned) return std::unexpected(spawned.error());
  return DelayedCall(std::move(alarm));
}

}  // namespace c1m::runtime
