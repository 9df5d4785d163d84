// Atomic, ThreadMutex and the fence as runtime/atomic.hpp names them, on the model machine: so the
// queues and words that production runs are what is checked. Threads: the machine's virtual ones;
// outside of them plain memory.
#pragma once

#include <atomic>
#include <cstddef>
#include <optional>
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
  Atomic() { begin(); }
  // NOLINTNEXTLINE(google-explicit-constructor): as std::atomic
  Atomic(T value) : value_(value) { begin(); }
  Atomic(const Atomic&) = delete;
  Atomic& operator=(const Atomic&) = delete;
  ~Atomic() {
    if (model::Machine* machine = model::Machine::current())
      machine->end_of(static_cast<const void*>(&value_));
  }
  operator T() const { return load(); }  // NOLINT(google-explicit-constructor): as std::atomic

  T load(std::memory_order order = std::memory_order_seq_cst) const {
    model::Machine* machine = model::Machine::current();
    if (machine == nullptr) return value_;
    machine->step();
    T value;
    machine->load(static_cast<const void*>(&value_), static_cast<void*>(&value), bytes, order);
    return value;
  }

  void store(T value, std::memory_order order = std::memory_order_seq_cst) {
    model::Machine* machine = model::Machine::current();
    if (machine == nullptr) {
      value_ = value;
      return;
    }
    machine->step();
    machine->store(static_cast<void*>(&value_), static_cast<const void*>(&value), bytes, order);
  }

  T exchange(T value, std::memory_order order = std::memory_order_seq_cst) {
    return modify(order, [value](T) { return std::optional(value); });
  }
  T fetch_add(T by, std::memory_order order = std::memory_order_seq_cst) {
    return modify(order, [by](T before) { return std::optional(static_cast<T>(before + by)); });
  }
  T fetch_sub(T by, std::memory_order order = std::memory_order_seq_cst) {
    return modify(order, [by](T before) { return std::optional(static_cast<T>(before - by)); });
  }

  T fetch_or(T set, std::memory_order order = std::memory_order_seq_cst) {
    return modify(order, [set](T before) { return std::optional(static_cast<T>(before | set)); });
  }

  bool compare_exchange_strong(T& expected, T wanted, std::memory_order order,
                               std::memory_order failure) {
    // One that fails is a load and no more, so it may overlook the latest value.
    const T seen = load(failure);
    if (seen != expected) {
      expected = seen;
      return false;
    }
    const T before = modify(
        order,
        [expected, wanted](T latest) {
          return latest == expected ? std::optional(wanted) : std::nullopt;
        },
        failure);
    return std::exchange(expected, before) == before;
  }
  bool compare_exchange_strong(T& expected, T wanted,
                               std::memory_order order = std::memory_order_seq_cst) {
    return compare_exchange_strong(expected, wanted, order, of_failure(order));
  }
  bool compare_exchange_weak(T& expected, T wanted, std::memory_order order,
                             std::memory_order failure) {
    return compare_exchange_strong(expected, wanted, order, failure);
  }
  bool compare_exchange_weak(T& expected, T wanted,
                             std::memory_order order = std::memory_order_seq_cst) {
    return compare_exchange_strong(expected, wanted, order);
  }

 private:
  void begin() {
    if (model::Machine* machine = model::Machine::current())
      machine->begin_of(static_cast<const void*>(&value_));
  }
  static std::memory_order of_failure(std::memory_order order) {
    if (order == std::memory_order_acq_rel) return std::memory_order_acquire;
    return order == std::memory_order_release ? std::memory_order_relaxed : order;
  }

  // Reads the latest value, and nobody writes in between. `change` returns nothing when nothing is
  // to be written; the order of the read is `failure` then.
  template <class Change>
  T modify(std::memory_order order, Change change,
           std::memory_order failure = std::memory_order_relaxed) {
    model::Machine* machine = model::Machine::current();
    if (machine == nullptr) return std::exchange(value_, change(value_).value_or(value_));
    machine->step();
    machine->begin_change(static_cast<const void*>(&value_));
    const T before = value_;
    if (machine->defect() == model::Defect::torn_rmw) machine->step();
    const std::optional<T> after = change(before);
    machine->read_latest(static_cast<const void*>(&value_), after ? order : failure);
    if (after) {
      machine->end_change(static_cast<void*>(&value_), static_cast<const void*>(&*after), bytes,
                          order);
    }
    return before;
  }

  T value_{};
};

class ThreadMutex {
 public:
  ThreadMutex() {
    if (model::Machine* machine = model::Machine::current()) machine->begin_of(&locked_);
  }
  ~ThreadMutex() {
    if (model::Machine* machine = model::Machine::current()) machine->end_of(&locked_);
  }
  ThreadMutex(const ThreadMutex&) = delete;
  ThreadMutex& operator=(const ThreadMutex&) = delete;
  void lock() {
    if (model::Machine* machine = model::Machine::current()) {
      machine->lock(locked_, passed_on_);
    } else {
      locked_ = true;
    }
  }
  void unlock() {
    if (model::Machine* machine = model::Machine::current()) {
      machine->unlock(locked_, passed_on_);
    } else {
      locked_ = false;
    }
  }

 private:
  bool locked_ = false;
  model::VectorClock passed_on_;
};

inline void store_load_fence() {
  model::Machine* machine = model::Machine::current();
  if (machine == nullptr) return;
  machine->step();
  machine->fence();
}

}  // namespace c1m::runtime
