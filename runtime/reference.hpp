// Shared ownership of an object that has its count of references in itself. std::shared_ptr's use,
// and two things that it has not: the model machine runs the count, and a chain of any length is
// destroyed without recursion, which small stacks demand.
// Threads: any; each Reference by one at a time. Not here: weak references; who finds an object by
// another way asks try_add() while something keeps its memory.
#pragma once

#include <cstdint>
#include <utility>

#include "runtime/atomic.hpp"

namespace c1m::runtime {

class ReferenceCount {
 public:
  void add() { count_.fetch_add(1, std::memory_order_relaxed); }

  // False when the last reference is gone: whoever dropped it destroys the object.
  [[nodiscard]] bool try_add() {
    std::uint32_t seen = count_.load(std::memory_order_relaxed);
    while (seen != 0) {
      if (count_.compare_exchange_weak(seen, seen + 1, std::memory_order_relaxed)) return true;
    }
    return false;
  }

  // True for the last one: the caller destroys the object. Release and acquire: what was done with
  // other references comes before that.
  [[nodiscard]] bool drop() { return count_.fetch_sub(1, std::memory_order_acq_rel) == 1; }

 private:
  Atomic<std::uint32_t> count_ = 1;  // whoever makes the object
};

// Object has a member `ReferenceCount references` and a static destroy(Object*).
template <class Object>
class Reference {
 public:
  constexpr Reference() = default;
  // Takes over a reference that has been counted: that of a new object, or one of try_add().
  static Reference adopt(Object* object) {
    Reference reference;
    reference.object_ = object;
    return reference;
  }
  Reference(const Reference& other) : object_(other.object_) {
    if (object_ != nullptr) object_->references.add();
  }
  Reference(Reference&& other) noexcept : object_(other.release()) {}
  Reference& operator=(Reference other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~Reference() {
    if (object_ != nullptr && object_->references.drop()) Object::destroy(object_);
  }

  [[nodiscard]] Object* get() const { return object_; }
  Object* operator->() const { return object_; }
  Object& operator*() const { return *object_; }
  explicit operator bool() const { return object_ != nullptr; }

  // The reference is the caller's to drop.
  [[nodiscard]] Object* release() { return std::exchange(object_, nullptr); }

 private:
  Object* object_ = nullptr;
};

// Destroys `node`, whose last reference is gone, and those of its ancestors (Node::parent) that it
// was the last to refer to.
template <class Node>
void destroy_with_ancestors(Node* node) {
  do {
    Node* const parent = node->parent.release();
    delete node;
    node = parent;
  } while (node != nullptr && node->references.drop());
}

}  // namespace c1m::runtime
