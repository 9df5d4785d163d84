// Storing frames whole or by a template; see frame_store.hpp.
#include "runtime/frame_store.hpp"

#include <cstring>

#include "os/assert.hpp"

namespace c1m::runtime {

FrameStore::Stored FrameStore::put(const Frames& frames, TemplateNumber likely, FrozenCache& blocks,
                                   TemplateLearner& learner) {
  const auto stored = try_put(frames, likely, blocks, learner);
  C1M_ASSERT(stored, "there is memory for the frames of compact coroutines");
  return *stored;
}

std::optional<FrameStore::Stored> FrameStore::try_put(const Frames& frames, TemplateNumber likely,
                                                      FrozenCache& blocks,
                                                      TemplateLearner& learner) {
  const TemplateNumber number = templates_.find(frames, likely);
  if (number == 0) learner.see(frames, templates_);
  const std::size_t stored = stored_bytes(frames, number);
  std::byte* const block = blocks.try_take(stored, pool_);
  if (block == nullptr) return std::nullopt;
  if (number == 0) {
    std::memcpy(block, frames.live.data(), frames.live.size());
  } else {
    templates_.at(number).encode(frames, block);
  }
  return Stored{.image = FrozenImage(block, number),
                .block_bytes = FrozenPool::block_bytes(stored)};
}

std::size_t FrameStore::take(const FrozenImage& image, const Frames& frames, FrozenCache& blocks) {
  const TemplateNumber number = image.template_number();
  if (number == 0) {
    std::memcpy(frames.live.data(), image.block(), frames.live.size());
  } else {
    templates_.at(number).decode(image.block(), frames);
  }
  const std::size_t stored = stored_bytes(frames, number);
  blocks.give_back(image.block(), stored, pool_);
  return FrozenPool::block_bytes(stored);
}

}  // namespace c1m::runtime
