// Memory for what others reach while somebody waits: from the cache of a coroutine's processor, or
// a thread's from the heap. Invariants: never on the waiter's stack, because a compact coroutine's
// is not there while it waits; who has it sees to it that nobody reaches it when it goes.
// Threads: the waiter's; a coroutine may have moved to another worker meanwhile.
#pragma once

#include <cstddef>
#include <memory>

namespace c1m::runtime {

class WaitBlock {
 public:
  explicit WaitBlock(std::size_t bytes);
  WaitBlock(const WaitBlock&) = delete;
  WaitBlock& operator=(const WaitBlock&) = delete;
  ~WaitBlock();

  [[nodiscard]] std::byte* memory() { return static_cast<std::byte*>(memory_); }

  // Makes an object in so many bytes of a block; those of several come one after another.
  template <class Object>
  static constexpr std::size_t bytes_for =
      sizeof(Object) + (alignof(Object) > alignof(void*) ? alignof(Object) : 0);
  template <class Object>
  [[nodiscard]] static Object* make_in(std::byte* memory) {
    void* aligned = memory;
    std::size_t space = bytes_for<Object>;
    return std::construct_at(
        static_cast<Object*>(std::align(alignof(Object), sizeof(Object), aligned, space)));
  }

 private:
  void* memory_;
  std::size_t bytes_;
  bool of_worker_;
};

// One object in a block.
template <class Object>
class InWaitBlock {
 public:
  InWaitBlock()
      : block_(WaitBlock::bytes_for<Object>),
        object_(WaitBlock::make_in<Object>(block_.memory())) {}
  InWaitBlock(const InWaitBlock&) = delete;
  InWaitBlock& operator=(const InWaitBlock&) = delete;
  ~InWaitBlock() { std::destroy_at(object_); }
  Object& operator*() { return *object_; }
  Object* operator->() { return object_; }

 private:
  WaitBlock block_;
  Object* object_;
};

}  // namespace c1m::runtime
