// Where frames are kept that are not on a stack: in blocks of the frozen pool, as the difference
// from a template where there is one. Invariant: what take() brings back is what put() was given,
// byte for byte. Threads: any, each with a cache and a learner that are its own meanwhile. Not
// here: when frames go and come (slot_table.hpp, freezer.hpp).
#pragma once

#include <cstddef>
#include <optional>

#include "runtime/frame_template.hpp"
#include "runtime/frozen_image.hpp"
#include "runtime/frozen_pool.hpp"
#include "runtime/template_table.hpp"

namespace c1m::runtime {

class FrameStore {
 public:
  struct Stored {
    FrozenImage image;
    std::size_t block_bytes = 0;
  };

  // Copies the frames. `likely` is the template to be looked at first. Ends the process when no
  // memory is left.
  [[nodiscard]] Stored put(const Frames& frames, TemplateNumber likely, FrozenCache& blocks,
                           TemplateLearner& learner);
  // The same; nothing has happened when no memory is left.
  [[nodiscard]] std::optional<Stored> try_put(const Frames& frames, TemplateNumber likely,
                                              FrozenCache& blocks, TemplateLearner& learner);
  // Copies them back and gives the block back; returns its bytes.
  std::size_t take(const FrozenImage& image, const Frames& frames, FrozenCache& blocks);

  [[nodiscard]] const FrameTemplate& template_at(TemplateNumber number) const {
    return templates_.at(number);
  }
  // The cache's owner goes.
  void empty(FrozenCache& blocks) { blocks.empty_into(pool_); }
  // In blocks, in use or not.
  [[nodiscard]] std::size_t reserved_bytes() const { return pool_.carved_bytes(); }

 private:
  // Of frames that are stored by template `number`.
  [[nodiscard]] std::size_t stored_bytes(const Frames& frames, TemplateNumber number) const {
    return number == 0 ? frames.live.size() : templates_.at(number).image_bytes();
  }

  FrozenPool pool_;
  TemplateTable templates_;
};

}  // namespace c1m::runtime
