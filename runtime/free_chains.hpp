// Free things of one kind that pass between processors: each processor keeps a few, and what it
// has too many of, or lacks, changes hands a chain of a fixed length at a time. The lock that
// guards the rest is then held for a few instructions, in which of a whole chain only the first is
// touched: the others are in the cache of who gave them back, and fetching them costs more than the
// lock (the magazines of Bonwick and Adams, USENIX 2001). A thing has two links: `next`, and
// in the first of each chain the one that chain_link() finds. Threads: none of their own; the
// owner's lock, or the processor's holder. Not here: making things.
#pragma once

#include <cstdint>
#include <utility>

namespace c1m::runtime {

template <class T>
struct FreeList {
  T* first = nullptr;
  std::uint32_t count = 0;

  void push(T* one) {
    one->next = first;
    first = one;
    ++count;
  }
  // Not of an empty list.
  T* pop() {
    T* const one = first;
    first = one->next;
    --count;
    return one;
  }
};

// What nobody keeps. By who has the lock.
template <class T, std::uint32_t length>
class FreeChains {
 public:
  // A whole chain.
  void put(FreeList<T> chain) { chain_link(*chain.first) = std::exchange(chains_, chain.first); }
  void put_one(T* one) {
    loose_.push(one);
    if (loose_.count == length) put(std::exchange(loose_, {}));
  }
  // A whole chain, or fewer when there is none; empty when nothing is free.
  [[nodiscard]] FreeList<T> take() {
    if (chains_ == nullptr) return std::exchange(loose_, {});
    T* const first = std::exchange(chains_, chain_link(*chains_));
    return {first, length};
  }
  // nullptr when nothing is free.
  [[nodiscard]] T* take_one() {
    if (loose_.count == 0) loose_ = take();
    return loose_.count == 0 ? nullptr : loose_.pop();
  }

 private:
  T* chains_ = nullptr;
  FreeList<T> loose_;  // fewer than make a chain
};

// What a processor keeps: up to two chains, so that neither a run of takes nor one of puts, nor
// both in turn, reaches the lock more than once in `length`, as long as there are whole chains.
template <class T, std::uint32_t length>
class FreeCache {
 public:
  // nullptr when it has none: refill() then.
  [[nodiscard]] T* take() {
    if (list_.count == 0) list_ = std::exchange(spare_, {});
    return list_.count == 0 ? nullptr : list_.pop();
  }
  // Of a cache that has none.
  void refill(FreeList<T> list) { list_ = list; }
  // Returns what is too much: nothing, or a whole chain.
  [[nodiscard]] FreeList<T> put(T* one) {
    FreeList<T> surplus;
    if (list_.count == length) surplus = std::exchange(spare_, std::exchange(list_, {}));
    list_.push(one);
    return surplus;
  }

 private:
  FreeList<T> list_;
  FreeList<T> spare_;  // empty, or a whole chain
};

}  // namespace c1m::runtime
