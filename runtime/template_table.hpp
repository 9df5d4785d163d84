// The templates from which frozen frames may differ, and how they come to be: a processor that has
// frozen enough frames which are alike and match none makes one of them. Invariants: a template
// never changes and is never removed, so frozen frames may refer to it for as long as they like; of
// each size there is a small number at most, and frames that match none of them are stored as they
// are. Threads: TemplateTable by any; TemplateLearner by the worker that holds its processor.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "runtime/atomic.hpp"
#include "runtime/frame_template.hpp"
#include "runtime/frozen_image.hpp"

namespace c1m::runtime {

class TemplateTable {
 public:
  // A program waits at some dozens of points, seldom at two with frames of one size.
  static constexpr std::size_t of_one_size_max = 8;

  TemplateTable() = default;
  TemplateTable(const TemplateTable&) = delete;
  TemplateTable& operator=(const TemplateTable&) = delete;

  // A template that the frames match, or 0. `likely` is looked at first, and may be for another
  // size.
  [[nodiscard]] TemplateNumber find(const Frames& frames, TemplateNumber likely) const;
  // One that was found.
  [[nodiscard]] const FrameTemplate& at(TemplateNumber number) const {
    return *all_[number - 1U].load(std::memory_order_acquire);
  }

  [[nodiscard]] bool has_room_for(std::size_t words) const;
  // Nothing happens when there is no room, or no memory: frames are then stored as they are.
  void publish(const FrameTemplate& made);

  // Calls visit(template) for each of that size until it returns true; returns its number, or 0.
  template <class Visit>
  TemplateNumber first_of(std::size_t words, Visit visit) const {
    for (std::size_t place = (words - 1) * of_one_size_max; place < words * of_one_size_max;
         ++place) {
      // Acquire: the template's words.
      const FrameTemplate* const each = all_[place].load(std::memory_order_acquire);
      if (each == nullptr) break;
      if (visit(*each)) return static_cast<TemplateNumber>(place + 1);
    }
    return 0;
  }

 private:
  // Those of n words from (n - 1) * of_one_size_max on, the oldest first.
  std::array<Atomic<const FrameTemplate*>, FrameTemplate::words_max * of_one_size_max> all_{};
  ThreadMutex mutex_;
  std::vector<std::unique_ptr<const FrameTemplate>> made_;  // guarded by mutex_, as writing all_
};

class TemplateLearner {
 public:
  static constexpr std::uint32_t samples_wanted = 16;
  // After so many beginnings that led to no template only one of so many frames is looked at:
  // looking costs more than storing them.
  static constexpr std::uint32_t patience = 64;
  static constexpr std::uint32_t seldom = 16;

  // These frames match no template of the table.
  void see(const Frames& frames, TemplateTable& table);

 private:
  struct Candidate {
    FrameTemplate learned;
    std::uint32_t samples = 0;
  };

  void begin(const Frames& frames, const TemplateTable& table);

  std::array<std::optional<Candidate>, 4> candidates_;
  std::size_t next_ = 0;     // to be given up for another
  std::uint32_t begun_ = 0;  // since the last template was published
  std::uint32_t passed_ = 0;
};

}  // namespace c1m::runtime
