// One that waits in a list of the runtime, as an AnyWait with a node does, on the model machine:
// whoever ends the wait first has ended it, and the waiter goes on when it is told. Threads: the
// machine's virtual ones; those that end it hold the list's lock. Not here: the list.
#pragma once

#include <utility>

#include "os/clock.hpp"
#include "runtime/model/model_machine.hpp"

namespace c1m::runtime::model {

// `Waiter` is the class that derives from this: what the list knows.
template <class Waiter>
class ModelWaiter {
 public:
  struct Ended {
    Waiter* waiter = nullptr;
    void deliver() const {
      if (waiter == nullptr) return;
      Machine::current()->system_call();  // a wake-up passes on what was done before
      waiter->told = true;
    }
  };

  Waiter* previous = nullptr;
  Waiter* next = nullptr;
  bool queued = false;
  bool ended = false;
  bool told = false;

  Ended end() {
    if (std::exchange(ended, true)) return {};
    return {static_cast<Waiter*>(this)};
  }
  // False: the time was up before.
  bool park(Machine& machine, os::Nanoseconds until_ns) {
    machine.wait_until([this] { return told; }, until_ns);
    if (!told && !std::exchange(ended, true)) return false;
    machine.wait_until([this] { return told; });
    return true;
  }

 private:
  friend Waiter;
  ModelWaiter() = default;
};

}  // namespace c1m::runtime::model
