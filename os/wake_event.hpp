// An eventfd that ends another thread's wait on a poller.
// Threads: signal() from any thread and from signal handlers. Not here: counting (it is not read).
#pragma once

#include "os/descriptor.hpp"
#include "os/result.hpp"

namespace c1m::os {

class WakeEvent {
 public:
  [[nodiscard]] static Result<WakeEvent> create();

  // Each call is one edge for an edge-triggered registration; nobody needs to read in between.
  void signal();

  // Blocks until somebody has signalled it, once or ever; may return without that.
  void wait() const;

  [[nodiscard]] int descriptor() const { return event_.get(); }

 private:
  explicit WakeEvent(Descriptor event) : event_(std::move(event)) {}
  Descriptor event_;
};

}  // namespace c1m::os
