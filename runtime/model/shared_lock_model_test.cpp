// The shared mutex's word (shared_lock_word.hpp) under thousands of schedules by chance: writers
// alone, readers beside each other, nobody forgotten. The calls come in the order of
// shared_mutex.cpp.
#include <cstdint>
#include <functional>
#include <vector>

#include <gtest/gtest.h>

#include "runtime/lock_word.hpp"
#include "runtime/model/model_fixture.hpp"
#include "runtime/model/model_machine.hpp"
#include "runtime/shared_lock_word.hpp"

namespace c1m::runtime {
namespace {

using model::Defect;
using model::expect_found_out;
using model::expect_holds;
using model::Machine;

struct Waiter {
  Waiter* previous = nullptr;
  Waiter* next = nullptr;
  bool queued = false;
  bool woken = false;
};

// What a mutant of the user of the word does wrong.
enum class Mutant : std::uint8_t {
  none,
  writer_left,  // the last reader's return value is dropped: nobody wakes the writer
  one_reader,   // of the readers that waited one is woken
};

struct Scene {
  Machine& machine;
  Mutant mutant;
  SharedLockWord<Waiter> word{};
  bool a_writer = false;  // the lock among writers, which has its own test
  Atomic<int> published{0};
  int readers = 0;
  int writers = 0;
  int written = 0;
  bool holds = true;

  void sleep(Waiter& self) {
    machine.wait_until([&self] { return self.woken; });
    self.woken = false;
  }
  void wake(Waiter& waiter) {
    machine.system_call();  // a wake-up passes on what was done before
    waiter.woken = true;
  }

  void read() {
    Waiter self;
    if (!word.begin_read() && !word.read_or_wait(self)) sleep(self);
    ++readers;
    if (writers != 0) holds = false;
    // What the last writer wrote is visible, although only the lock orders it.
    if (published.load(std::memory_order_relaxed) != written) holds = false;
    machine.step();
    --readers;
    Waiter* writer = word.end_read();
    if (writer != nullptr && mutant != Mutant::writer_left) wake(*writer);
  }

  void write() {
    Waiter self;
    machine.wait_until([this] { return !a_writer; });
    a_writer = true;
    if (!word.begin_write(self)) sleep(self);
    if (++writers != 1 || readers != 0) holds = false;
    if (published.load(std::memory_order_relaxed) != written) holds = false;
    published.store(++written, std::memory_order_relaxed);
    machine.step();
    --writers;
    bool first = true;
    word.end_write().wake_each([&](Waiter& reader) {
      if (first || mutant != Mutant::one_reader) wake(reader);
      first = false;
    });
    machine.system_call();
    a_writer = false;
  }
};

template <Mutant mutant>
bool shared_lock_holds(Machine& machine) {
  Scene scene{.machine = machine, .mutant = mutant};
  const auto reads = [&scene] {
    for (int i = 0; i < 3; ++i) scene.read();
  };
  const auto writes = [&scene] {
    for (int i = 0; i < 2; ++i) scene.write();
  };
  if (!machine.run({reads, reads, reads, writes, writes})) return false;
  return scene.holds && scene.written == 4 && scene.word.is_idle();
}

bool without_admitting(Machine& machine) {
  machine.leave_out(Safeguard::shared_lock_admits);
  return shared_lock_holds<Mutant::none>(machine);
}

TEST(SharedLockModel, WritersAreAloneAndNobodyIsForgotten) {
  expect_holds(shared_lock_holds<Mutant::none>);
}

TEST(SharedLockModel, NeedsItsReadModifyWrites) {
  expect_found_out(shared_lock_holds<Mutant::none>, Defect::torn_rmw);
}

TEST(SharedLockModel, TheLastReaderWakesTheWriter) {
  expect_found_out(shared_lock_holds<Mutant::writer_left>);
}

TEST(SharedLockModel, AWriterWakesAllReadersThatCame) {
  expect_found_out(shared_lock_holds<Mutant::one_reader>);
}

TEST(SharedLockModel, AReaderOnItsWayToTheQueueIsAdmittedToo) {
  expect_found_out(without_admitting);
}

}  // namespace
}  // namespace c1m::runtime
