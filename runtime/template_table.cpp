// Finding and making templates; see template_table.hpp.
#include "runtime/template_table.hpp"

#include <mutex>
#include <new>

#include "runtime/safeguard.hpp"

namespace c1m::runtime {
namespace {

// Frames of which more than half of the words would vary wait at another point.
bool are_alike(const FrameTemplate& learned, const Frames& frames) {
  return learned.words() == frames.words() && learned.varying_with(frames) <= frames.words() / 2;
}

}  // namespace

TemplateNumber TemplateTable::find(const Frames& frames, TemplateNumber likely) const {
  const std::size_t words = frames.words();
  if (words < FrameTemplate::words_min || words > FrameTemplate::words_max) return 0;
  if (likely != 0 && (likely - 1U) / of_one_size_max == words - 1 && at(likely).matches(frames)) {
    return likely;
  }
  return first_of(words, [&frames](const FrameTemplate& each) {
    return each.matches(frames) || !in_force(Safeguard::template_match);
  });
}

bool TemplateTable::has_room_for(std::size_t words) const {
  return words >= FrameTemplate::words_min && words <= FrameTemplate::words_max &&
         all_[words * of_one_size_max - 1].load(std::memory_order_relaxed) == nullptr;
}

void TemplateTable::publish(const FrameTemplate& made) {
  const std::lock_guard lock(mutex_);
  if (!has_room_for(made.words())) return;
  std::size_t place = (made.words() - 1) * of_one_size_max;
  while (all_[place].load(std::memory_order_relaxed) != nullptr) ++place;
  try {
    made_.push_back(std::make_unique<const FrameTemplate>(made));
  } catch (const std::bad_alloc&) {
    return;
  }
  all_[place].store(made_.back().get(), std::memory_order_release);
}

void TemplateLearner::see(const Frames& frames, TemplateTable& table) {
  if (!table.has_room_for(frames.words())) return;
  if (begun_ >= patience && ++passed_ % seldom != 0) return;
  for (auto& candidate : candidates_) {
    if (!candidate || !are_alike(candidate->learned, frames)) continue;
    candidate->learned.learn(frames);
    if (++candidate->samples == samples_wanted) {
      table.publish(candidate->learned);
      candidate.reset();
      begun_ = 0;
    }
    return;
  }
  begin(frames, table);
}

// From the template that they match but for a few words, if there is one: it becomes wider, and in
// the end there are not several for one point. From the newest such, which is as wide as its
// predecessors together: words that were never written, and show what earlier frames left there,
// begin to vary one after another, and from the oldest each would make one more template.
void TemplateLearner::begin(const Frames& frames, const TemplateTable& table) {
  ++begun_;
  auto& candidate = candidates_[next_++ % candidates_.size()];
  const FrameTemplate* near = nullptr;
  table.first_of(frames.words(), [&](const FrameTemplate& each) {
    if (are_alike(each, frames)) near = &each;
    return false;
  });
  candidate.emplace(near == nullptr ? FrameTemplate(frames) : *near);
  candidate->learned.learn(frames);
}

}  // namespace c1m::runtime
