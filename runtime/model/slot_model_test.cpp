// The word of a stack slot (slot_word.hpp) under thousands of schedules by chance: of its members
// one at a time runs, each as often as it became runnable. The calls come in the order of the
// scheduler: arrive() by who wakes, take_next() by who has run a member.
#include <algorithm>
#include <array>
#include <vector>

#include <gtest/gtest.h>

#include "runtime/model/model_fixture.hpp"
#include "runtime/model/model_machine.hpp"
#include "runtime/slot_word.hpp"

namespace c1m::runtime {
namespace {

using model::Defect;
using model::expect_found_out;
using model::expect_holds;
using model::Machine;

constexpr std::size_t members = 4;

struct Member {
  Member* next = nullptr;
  int wanted = 0;  // turns still to be had; the member's own while it runs
  int turns = 0;
};

// What a mutant of the user of the word does wrong.
enum class Mutant : std::uint8_t {
  none,
  no_take_next,      // a worker forgets the slot after a member's run
  yields_past_word,  // a member that yields is queued without arrive()
};

// Run queue and workers as far as a slot sees them.
struct Scene {
  Machine& machine;
  Mutant mutant;
  SlotWord<Member> word{};
  std::array<Member, members> all{};
  std::vector<Member*> queue{};
  int inside = 0;
  int most_inside = 0;
  std::size_t ended = 0;

  // A run queue passes on what was written before.
  void push(Member& member) {
    machine.system_call();
    queue.push_back(&member);
  }

  void make_runnable(Member& member) {
    if (word.arrive(member)) push(member);
  }

  // Every member that has run yields until it has had its turns.
  void run_one() {
    Member& member = *queue.back();
    queue.pop_back();
    most_inside = std::max(most_inside, ++inside);
    ++member.turns;
    machine.step();
    --inside;
    if (--member.wanted == 0) {
      ++ended;
    } else if (mutant == Mutant::yields_past_word) {
      push(member);
    } else {
      make_runnable(member);
    }
    if (mutant == Mutant::no_take_next) return;
    if (Member* next = word.take_next()) push(*next);
  }

  void worker() {
    while (ended < members) {
      machine.wait_until([this] { return !queue.empty() || ended == members; });
      if (!queue.empty()) run_one();
    }
  }

  void waker(std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i) {
      all[i].wanted = 3;
      make_runnable(all[i]);
    }
  }
};

template <Mutant mutant>
bool slot_holds(Machine& machine) {
  Scene scene{.machine = machine, .mutant = mutant};
  const auto work = [&scene] { scene.worker(); };
  const auto first = [&scene] { scene.waker(0, members / 2); };
  const auto second = [&scene] { scene.waker(members / 2, members); };
  if (!machine.run({first, second, work, work})) return false;
  return scene.most_inside == 1 && scene.word.is_idle() &&
         std::ranges::all_of(scene.all, [](const Member& each) { return each.turns == 3; });
}

TEST(SlotModel, OneAtATimeAndEveryTurn) {
  expect_holds(slot_holds<Mutant::none>);
}

TEST(SlotModel, NeedsItsCompareAndSwap) {
  expect_found_out(slot_holds<Mutant::none>, Defect::torn_rmw);
}

TEST(SlotModel, NeedsEveryTakeNext) {
  expect_found_out(slot_holds<Mutant::no_take_next>);
}

TEST(SlotModel, AMemberThatYieldsArrivesAgain) {
  // Two run at once, or one of the two has given up the claim that the other asks about.
  expect_found_out(slot_holds<Mutant::yields_past_word>);
}

}  // namespace
}  // namespace c1m::runtime
