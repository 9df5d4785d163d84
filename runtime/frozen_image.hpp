// Where a coroutine's frames are while they are not on a stack, because another is resident in its
// slot or because its own stack was frozen, in one word of its record: the block that holds them,
// and the template from which they differ (template_table.hpp). The number stays when the frames
// are back on the stack: a coroutine mostly waits where it waited before. Threads: a value of who
// holds the slot's claim, or owns the coroutine. Not here: the block's contents.
#pragma once

#include <cstddef>
#include <cstdint>

#include "os/assert.hpp"

namespace c1m::runtime {

using TemplateNumber = std::uint16_t;  // 0: no template, the frames are stored as they were

class FrozenImage {
 public:
  FrozenImage() = default;
  FrozenImage(std::byte* block, TemplateNumber number)
      : word_(reinterpret_cast<std::uint64_t>(block) | std::uint64_t{number} << address_bits) {
    C1M_ASSERT(this->block() == block, "Linux gives no address of more than 47 bits unasked");
  }

  // nullptr: the frames are on the stack, or do not exist yet.
  [[nodiscard]] std::byte* block() const {
    // NOLINTNEXTLINE(performance-no-int-to-ptr): the block's address, with a number beside it
    return reinterpret_cast<std::byte*>(word_ & ((std::uint64_t{1} << address_bits) - 1));
  }
  [[nodiscard]] TemplateNumber template_number() const {
    return static_cast<TemplateNumber>(word_ >> address_bits);
  }

 private:
  static constexpr int address_bits = 48;
  std::uint64_t word_ = 0;
};

}  // namespace c1m::runtime
