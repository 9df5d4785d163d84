// Atomic, ThreadMutex and the fence as runtime/atomic.hpp names them, on the model machine: so the
// queues and words that production runs are what is checked. Threads: the machine's virtual ones;
// outside of them plain memory.
#pragma once

#include <atomic>
#include <cstddef>
#include <type_traits>
#include <utility>

#include "runtime/model/model_machine.hpp"

namespace c1m::runtime {

template <class T>
class Atomic {
  // NOLINTNEXTLINE(bugprone-sizeof-expression): where T is a pointer, the pointer's size is meant
  static constexpr std::size_t bytes = sizeof(T);
  static_assert(std::is_trivially_copyable_v<T> && bytes <= 8);

 public:
  Atomic() = default;
  Atomic(T value) : value_(value) {}  // NOLINT(google-explicit-constructor): as std::atomic
  Atomic(const Atomic&) = delete;
  Atomic& operator=(const Atomic&) = delete;
  // What stands in a buffer must not come out into the next object there.
  ~Atomic() {
    if (model::Machine* machine = model::Machine::current())
      machine->forget(static_cast<const void*>(&value_));
  }
  operator T() const { return load(); }  // NOLINT(google-explicit-constructor): as std::atomic

  T load(std::memory_order order = std::memory_order_seq_cst) const {
    model::Machine* machine = model::Machine::current();
    if (machine == nullptr) return value_;
    machine->step();
    if (order == std::memory_order_seq_cst) machine->drain_sequential();
    T value;
    machine->read(static_cast<const void*>(&value_), static_cast<void*>(&value), bytes);
    return value;
  }

  void store(T value, std::memory_order order = std::memory_order_seq_cst) {
    model::Machine* machine = model::Machine::current();
    if (machine == nullptr) {
      value_ = value;
      return;
    }
    machine->step();
    machine->write_buffered(static_cast<void*>(&value_), static_cast<const void*>(&value), bytes,
                            {.sequential = order == std::memory_order_seq_cst});
  }

  T exchange(T value, std::memory_order order = std::memory_order_seq_cst) {
    return modify(order, [value](T) { return value; });
  }
  T fetch_add(T by, std::memory_order order = std::memory_order_seq_cst) {
    return modify(order, [by](T before) { return static_cast<T>(before + by); });
  }
  T fetch_sub(T by, std::memory_order order = std::memory_order_seq_cst) {
    return modify(order, [by](T before) { return static_cast<T>(before - by); });
  }

  T fetch_or(T set, std::memory_order order = std::memory_order_seq_cst) {
    return modify(order, [set](T before) { return static_cast<T>(before | set); });
  }

  bool compare_exchange_strong(T& expected, T wanted,
                               std::memory_order order = std::memory_order_seq_cst,
                               std::memory_order = std::memory_order_seq_cst) {
    const T before =
        modify(order, [&expected, wanted](T seen) { return seen == expected ? wanted : seen; });
    const bool exchanged = before == expected;
    expected = before;
    return exchanged;
  }
  bool compare_exchange_weak(T& expected, T wanted,
                             std::memory_order order = std::memory_order_seq_cst,
                             std::memory_order = std::memory_order_seq_cst) {
    return compare_exchange_strong(expected, wanted, order);
  }

 private:
  // Reads the latest value, and nobody writes in between. Where the machine delays exchanges, what
  // it writes may become visible to loads of others after this thread's next loads: that is what
  // even a sequentially consistent exchange allows, and what a store_load_fence() is for.
  template <class Change>
  T modify(std::memory_order order, Change change) {
    model::Machine* machine = model::Machine::current();
    if (machine == nullptr) return std::exchange(value_, change(value_));
    machine->step();
    machine->begin_exchange(static_cast<const void*>(&value_));
    const T before = value_;
    if (machine->defect() == model::Defect::torn_rmw) {
      machine->step();
      value_ = change(before);
      return before;
    }
    const T after = change(before);
    if (after != before) {
      machine->write_buffered(static_cast<void*>(&value_), static_cast<const void*>(&after), bytes,
                              {.sequential = order == std::memory_order_seq_cst, .exchange = true});
    }
    return before;
  }

  T value_{};
};

// Where the machine delays exchanges, giving it back is no more than a release: later loads may
// overtake it.
class ThreadMutex {
 public:
  ThreadMutex() = default;
  ThreadMutex(const ThreadMutex&) = delete;
  ThreadMutex& operator=(const ThreadMutex&) = delete;
  ~ThreadMutex() {
    if (model::Machine* machine = model::Machine::current()) machine->forget(&locked_);
  }
  void lock() {
    if (model::Machine* machine = model::Machine::current()) {
      machine->wait_until([this] { return !locked_; });
      machine->drain();
    }
    locked_ = true;
  }
  void unlock() {
    const bool open = false;
    if (model::Machine* machine = model::Machine::current()) {
      machine->write_buffered(&locked_, &open, sizeof open, {});
      if (!machine->delays_exchanges()) machine->drain();
    } else {
      locked_ = open;
    }
  }

 private:
  bool locked_ = false;
};

inline void store_load_fence() {
  model::Machine* machine = model::Machine::current();
  if (machine == nullptr) return;
  machine->step();
  if (machine->defect() != model::Defect::void_fences) machine->drain();
}

}  // namespace c1m::runtime
