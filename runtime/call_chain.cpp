// Following frame pointers from where fcontext has saved them; see call_chain.hpp.
#include "runtime/call_chain.hpp"

#include <cstddef>

#include "runtime/coroutine.hpp"
#include "runtime/racy_read.hpp"
#include "runtime/stack_pool.hpp"

namespace c1m::runtime {
namespace {

// What jump_fcontext leaves at the saved stack pointer, in words (boost.context's
// jump_x86_64_sysv_elf_gas.S). CallChainTest notices when it is something else.
constexpr std::size_t saved_frame_pointer = 7;
constexpr std::size_t saved_return_address = 8;
constexpr std::size_t saved_words = 9;

using Word = std::uintptr_t;

// The part of a stack that is in use.
struct LiveStack {
  Word begin = 0;
  Word end = 0;

  // Whether `words` words at `address` belong to it.
  [[nodiscard]] bool has(Word address, std::size_t words) const {
    return address % sizeof(Word) == 0 && address >= begin && address < end &&
           (end - address) / sizeof(Word) >= words;
  }
  // NOLINTBEGIN(performance-no-int-to-ptr): the addresses are read from memory.
  [[nodiscard]] static Word word_at(Word place, std::size_t index) {
    return racy_word(reinterpret_cast<const Word*>(place) + index);
  }
  static const void* pointer(Word address) { return reinterpret_cast<const void*>(address); }
  // NOLINTEND(performance-no-int-to-ptr)
};

}  // namespace

CallChain capture_calls(const Coroutine& coroutine, const StackPool& stacks) {
  CallChain chain;
  const StackHome home = racy_read(&coroutine.home);
  if (home.none()) return chain;
  const Word point = racy_word(coroutine.saved_point_address());
  const StackSlot* const slot = home.slot();
  if (slot != nullptr && racy_read(&slot->resident) != &coroutine) {
    chain.kind = point == 0 ? ChainKind::none : ChainKind::frozen;
    return chain;
  }
  if (home.is_frozen()) {
    chain.kind = ChainKind::frozen;
    return chain;
  }
  const auto usable = stacks.usable(home.stack());
  const auto lowest = reinterpret_cast<Word>(usable.data());
  LiveStack live{.begin = point, .end = lowest + usable.size()};
  if (point < lowest || !live.has(point, saved_words)) return chain;
  chain.kind = ChainKind::frames;
  Word frame = LiveStack::word_at(point, saved_frame_pointer);
  Word address = LiveStack::word_at(point, saved_return_address);
  while (address != 0 && chain.count < CallChain::calls_max) {
    chain.return_addresses[chain.count++] = LiveStack::pointer(address);
    if (!live.has(frame, 2)) break;
    address = LiveStack::word_at(frame, 1);
    live.begin = frame + 1;  // callers' frames lie above
    frame = LiveStack::word_at(frame, 0);
  }
  // Frozen meanwhile, and its pages may have gone.
  if (racy_read(&coroutine.home).is_frozen()) chain = {.kind = ChainKind::frozen};
  return chain;
}

}  // namespace c1m::runtime
