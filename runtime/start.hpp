// The function of a coroutine that has not begun, in a pooled block of its size. When the coroutine
// begins, the function moves to its frames and the block is given back: so one that waits holds its
// function once, and small functions need no allocation. Threads: who spawns, then the coroutine.
// Not here: the pool (scheduler.hpp).
#pragma once

#include <concepts>
#include <cstddef>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>

#include "os/assert.hpp"

namespace c1m::runtime {

class Start {
 public:
  Start(const Start&) = delete;
  Start& operator=(const Start&) = delete;

  // On the coroutine, once: gives the block back and calls the function.
  void begin() { type_.begin(*this); }
  // Instead, for a coroutine that will never run: destroys the function. The block, of so many
  // bytes, is the caller's.
  [[nodiscard]] std::size_t drop() { return type_.drop(*this); }

 protected:
  struct Type {
    void (*begin)(Start& start);
    std::size_t (*drop)(Start& start);
  };
  explicit Start(const Type& type) : type_(type) {}
  ~Start() = default;
  static void give_back(void* block, std::size_t bytes);

 private:
  const Type& type_;
};

template <class Function>
class StartOf final : public Start {
 public:
  explicit StartOf(Function&& function) : Start(type), function_(std::move(function)) {}

 private:
  static void begin(Start& start) {
    Function function = taken_from(static_cast<StartOf&>(start));
    function();
  }
  // In a frame of its own: else optimized code may keep the block's address in a register for as
  // long as the function runs, another word that differs in each coroutine (frame_template.hpp).
  [[gnu::noinline]] static Function taken_from(StartOf& self) {
    Function function = std::move(self.function_);
    std::destroy_at(&self);
    give_back(&self, sizeof(StartOf));
    return function;
  }
  static std::size_t drop(Start& start) {
    std::destroy_at(&static_cast<StartOf&>(start));
    return sizeof(StartOf);
  }
  static constexpr Type type{.begin = begin, .drop = drop};

  Function function_;
};

// What is moved into a block: `Function`, unless its move may throw, while the coroutine is half
// made, the blocks' alignment is too little for it, or it would take much of a stack.
template <class Function>
using Startable =
    std::conditional_t<std::is_nothrow_move_constructible_v<Function> &&
                           alignof(Function) <= alignof(void*) && sizeof(Function) <= 1024,
                       Function, std::move_only_function<void()>>;

// A function on its way into a block, by reference and without its type.
class FunctionToStart {
 public:
  template <class Function>
  explicit FunctionToStart(Function& function)
      : function_(&function), bytes_(sizeof(StartOf<Function>)), make_(make<Function>) {
    if constexpr (std::constructible_from<Function, std::nullptr_t>) {
      C1M_ASSERT(function != nullptr, "a coroutine has a function to run");
    }
  }

  // Of the block.
  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  [[nodiscard]] Start& move_into(void* block) const { return make_(block, function_); }

 private:
  template <class Function>
  static Start& make(void* block, void* function) {
    return *std::construct_at(static_cast<StartOf<Function>*>(block),
                              std::move(*static_cast<Function*>(function)));
  }

  void* function_;
  std::size_t bytes_;
  Start& (*make_)(void* block, void* function);
};

}  // namespace c1m::runtime
