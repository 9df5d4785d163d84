// The whole runtime under thousands of schedules by chance, on the machine of virtual threads: its
// scheduler, workers, timers and netpoller as production compiles them, but for the platform.
// A run in which everyone waits and no deadline is to come is a lost wake-up, and fails. With one
// safeguard left out some seed must fail, or the safeguard is not checked.
#include <algorithm>
#include <array>
#include <cstdlib>
#include <ostream>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "runtime/model/scenarios.hpp"

namespace c1m::runtime::model {
namespace {

constexpr std::uint64_t seeds = 1000;
constexpr std::uint64_t seeds_for_a_mutant = 10 * seeds;  // most are found within ten

// What Linux shows under load, and what it may do without a reason; the latter rescues from lost
// wake-ups, so that there are scenarios without it.
constexpr Network::Faults load{.would_block = 5, .short_count = 3};
constexpr Network::Faults all_faults{.would_block = 5,
                                     .short_count = 3,
                                     .false_event = 16,
                                     .early_return = 8,
                                     .no_descriptor = 8,
                                     .no_memory = 8};

const std::array scenarios{
    Scenario{.name = "SpawnTree2", .processors = 2, .main = spawn_tree},
    Scenario{.name = "SpawnTree3", .processors = 3, .main = spawn_tree},
    Scenario{.name = "PingPong2", .processors = 2, .main = ping_pong},
    Scenario{.name = "PingPong3", .processors = 3, .main = ping_pong},
    Scenario{.name = "SharedSlots2", .processors = 2, .main = share_slots},
    Scenario{.name = "SharedSlots3", .processors = 3, .main = share_slots},
    Scenario{.name = "KeptFrames", .processors = 2, .main = keep_frames},
    Scenario{.name = "Freezing1",
             .processors = 1,
             .main = parks_on_freezable_stacks,
             .beside = freezes_stacks},
    Scenario{.name = "Freezing2",
             .processors = 2,
             .main = parks_on_freezable_stacks,
             .beside = freezes_stacks},
    Scenario{.name = "TwoCompute", .processors = 2, .main = needs_another_processor},
    Scenario{.name = "ThreeCompute", .processors = 3, .main = three_compute},
    Scenario{.name = "OneIsHelped",
             .processors = 1,
             .main = computes_until_helped,
             .beside = adds_a_processor},
    Scenario{.name = "TwoOfABatch", .processors = 2, .main = batch_needs_another_processor},
    Scenario{.name = "LateToken", .processors = 2, .main = wakes_twice},
    Scenario{.name = "Sleeps", .processors = 2, .main = sleeps_in_any_order},
    Scenario{.name = "Contexts", .processors = 3, .main = cancels_three_generations},
    Scenario{.name = "ContextDeadlines", .processors = 2, .main = waits_for_deadlines_of_contexts},
    Scenario{.name = "Mutex", .processors = 3, .main = locks_a_mutex},
    Scenario{.name = "Blocking", .processors = 2, .main = blocks_in_calls, .monitor = true},
    Scenario{.name = "LeftCalls", .processors = 2, .main = leaves_calls, .monitor = true},
    Scenario{.name = "Processors", .processors = 2, .main = changes_processors},
    Scenario{.name = "StopSleeps",
             .processors = 2,
             .main = sleeps_until_stopped,
             .beside = stops_at_some_time},
    Scenario{.name = "Outside",
             .processors = 2,
             .main = waits_for_the_outside,
             .beside = spawns_from_outside},
    Scenario{.name = "Limit",
             .processors = 2,
             .main = spawns_beyond_the_limit,
             .faults = {.no_stack = 3},
             .coroutines_max = 8},
    Scenario{.name = "Cancel", .processors = 2, .main = cancels_sleeps},
    Scenario{.name = "Groups", .processors = 3, .main = joins_groups},
    Scenario{.name = "Ticks", .processors = 2, .main = ticks},
    Scenario{.name = "CompactPins", .processors = 2, .main = pins_compact_ones},
    Scenario{.name = "CompactThreads", .processors = 2, .main = locks_threads_of_compact_ones},
    Scenario{
        .name = "CompactProcessors", .processors = 2, .main = changes_processors_of_compact_ones},
    Scenario{.name = "Pipeline1", .processors = 1, .main = passes_values_on},
    Scenario{.name = "Pipeline3", .processors = 3, .main = passes_values_on},
    Scenario{.name = "Select", .processors = 2, .main = selects_by_chance},
    Scenario{.name = "ChannelClose", .processors = 2, .main = closes_channels_under_waiters},
    Scenario{.name = "ChannelCancel", .processors = 2, .main = cancels_waits_for_channels},
    Scenario{.name = "Rings", .processors = 3, .main = passes_rings},
    Scenario{.name = "ChannelThread",
             .processors = 2,
             .main = sends_to_a_thread,
             .beside = receives_on_a_thread},
    Scenario{.name = "Threads",
             .processors = 2,
             .main = takes_turns_with_a_thread,
             .beside = takes_turns_with_a_coroutine},
    Scenario{.name = "LastIsSentOn",
             .processors = 1,
             .main = waits_for_a_thread,
             .beside = sends_a_coroutine_on,
             .is_destroyed_at_once = true},
    Scenario{.name = "LastCompactIsSentOn",
             .processors = 1,
             .main = shares_a_slot_with_who_waits_for_a_thread,
             .beside = sends_a_value_on,
             .is_destroyed_at_once = true},
    Scenario{.name = "ThreadsInTime",
             .processors = 2,
             .main = takes_turns_in_time,
             .beside = takes_turns_in_time_on_a_thread},
    Scenario{.name = "ThreadIsCancelled",
             .processors = 1,
             .main = cancels_a_thread,
             .beside = waits_to_be_cancelled},
    Scenario{.name = "TaskGroups", .processors = 3, .main = opens_groups},
    Scenario{.name = "Joins", .processors = 2, .main = joins_handles},
    Scenario{.name = "Locks",
             .processors = 2,
             .main = uses_locks_beside_a_thread,
             .beside = uses_locks_on_a_thread},
    Scenario{.name = "LeftSemaphore", .processors = 2, .main = gives_up_a_semaphore},
    Scenario{.name = "LeftCondition", .processors = 2, .main = gives_up_a_condition},
    Scenario{.name = "Program1", .processors = 1, .main = runs_a_random_program},
    Scenario{.name = "Program2", .processors = 2, .main = runs_a_random_program},
    Scenario{.name = "Echo", .processors = 2, .main = echoes},
    Scenario{.name = "EchoLoad", .processors = 2, .main = echoes, .faults = load},
    Scenario{.name = "EchoFaults", .processors = 3, .main = echoes, .faults = all_faults},
    Scenario{.name = "Close", .processors = 2, .main = closes_under_waiters, .faults = load},
    Scenario{.name = "Deadlines", .processors = 2, .main = reads_with_deadlines, .faults = load},
    Scenario{.name = "StopAccept",
             .processors = 1,
             .main = accepts_until_stopped,
             .beside = stops_at_some_time},
    Scenario{.name = "StopReads",
             .processors = 2,
             .main = reads_until_stopped,
             .beside = stops_at_some_time},
};

class SchedulerModel : public testing::TestWithParam<Scenario> {};

TEST_P(SchedulerModel, HoldsUnderEverySeed) {
  EXPECT_EQ(first_failure(GetParam(), seeds), "");
}

TEST_P(SchedulerModel, HoldsWithWeakMemory) {
  Scenario scenario = GetParam();
  scenario.memory = Memory::weak;
  EXPECT_EQ(first_failure(scenario, seeds), "");
}

INSTANTIATE_TEST_SUITE_P(Scenarios, SchedulerModel, testing::ValuesIn(scenarios),
                         [](const auto& test) { return std::string(test.param.name); });

// --- with one safeguard left out -----------------------------------------------------------------

struct Mutant {
  const char* name;
  Safeguard left_out;
  const char* scenario;  // the one that must notice
  Memory memory = Memory::x86;
  // NOLINTNEXTLINE(readability-identifier-naming): the name that GoogleTest looks for
  friend void PrintTo(const Mutant& mutant, std::ostream* out) { *out << mutant.name; }
};

const std::array mutants{
    Mutant{"SpawnWake", Safeguard::spawn_wake, "TwoCompute"},
    Mutant{"ReadyWake", Safeguard::ready_wake, "TwoCompute"},
    Mutant{"BatchWake", Safeguard::batch_wake, "TwoOfABatch"},
    Mutant{"LookBeforeSleep", Safeguard::look_before_sleep, "TwoCompute"},
    Mutant{"LookAfterSearch", Safeguard::look_after_search, "ThreeCompute"},
    Mutant{"KeptUnpark", Safeguard::kept_unpark, "TwoCompute"},
    Mutant{"PollUnpark", Safeguard::poll_unpark, "TwoCompute"},
    Mutant{"NetworkWatch", Safeguard::network_watch, "Echo"},
    Mutant{"TimedSleep", Safeguard::timed_sleep, "Sleeps"},
    Mutant{"TokenEpoch", Safeguard::token_epoch, "LateToken"},
    Mutant{"EndOfALeftCall", Safeguard::token_epoch, "LeftCalls"},
    Mutant{"ParkCommit", Safeguard::park_commit, "PingPong2"},
    Mutant{"TimerCancel", Safeguard::timer_cancel, "Deadlines"},
    Mutant{"KeptEdge", Safeguard::kept_edge, "Echo"},
    Mutant{"LookAfterPublish", Safeguard::look_after_publish, "Close"},
    Mutant{"LookAfterArming", Safeguard::look_after_arming, "StopSleeps"},
    Mutant{"CloseInterrupts", Safeguard::close_interrupts, "Close"},
    Mutant{"StopInterrupts", Safeguard::stop_interrupts, "StopReads"},
    Mutant{"CancelDescends", Safeguard::cancel_descends, "Contexts"},
    Mutant{"ContextDeadline", Safeguard::context_deadline, "ContextDeadlines"},
    Mutant{"StaffFence", Safeguard::staff_fence, "OneIsHelped"},
    Mutant{"SurplusUnparks", Safeguard::surplus_unparks, "Processors"},
    Mutant{"TemplateMatch", Safeguard::template_match, "KeptFrames"},
    Mutant{"FreezeClaim", Safeguard::freeze_claim, "Freezing2"},
    Mutant{"FreezePages", Safeguard::freeze_pages, "Freezing2"},
    Mutant{"FreezeWake", Safeguard::freeze_wake, "Freezing2"},
    Mutant{"Thaw", Safeguard::thaw, "Freezing2"},
    Mutant{"CancelInterrupts", Safeguard::cancel_interrupts, "Cancel"},
    Mutant{"GroupList", Safeguard::group_list, "Groups"},
    Mutant{"TickerInterrupts", Safeguard::ticker_interrupts, "Ticks"},
    Mutant{"ChannelClose", Safeguard::channel_close, "ChannelClose"},
    Mutant{"ChannelLeave", Safeguard::channel_leave, "ChannelCancel"},
    Mutant{"ChannelRefill", Safeguard::channel_refill, "Pipeline1"},
    Mutant{"ChannelWinner", Safeguard::channel_winner, "Select"},
    Mutant{"LockWake", Safeguard::lock_wake, "Pipeline3"},
    Mutant{"ThreadLook", Safeguard::thread_look, "Threads"},
    Mutant{"ThreadSignal", Safeguard::thread_signal, "Threads"},
    Mutant{"ThreadEpoch", Safeguard::token_epoch, "ThreadsInTime"},
    Mutant{"OutsideWait", Safeguard::outside_wait, "LastIsSentOn"},
    Mutant{"GroupEnds", Safeguard::group_ends, "TaskGroups"},
    Mutant{"FailureCancels", Safeguard::failure_cancels, "TaskGroups"},
    Mutant{"JoinRecheck", Safeguard::join_recheck, "Joins"},
    Mutant{"SharedLockAdmits", Safeguard::shared_lock_admits, "Locks"},
    Mutant{"SemaphoreKeeps", Safeguard::semaphore_keeps, "LeftSemaphore"},
    Mutant{"SemaphorePassesOn", Safeguard::semaphore_passes, "LeftSemaphore"},
    Mutant{"NotifiedStays", Safeguard::notified_stays, "LeftCondition"},
    Mutant{"SlotTurn", Safeguard::slot_turn, "SharedSlots2"},
    Mutant{"PinUnparks", Safeguard::pin_unparks, "CompactPins"},
    Mutant{"PinsMove", Safeguard::pins_move, "Program2"},
    // For these, locked instructions that stand close by make up on x86.
    Mutant{"RingFence", Safeguard::ring_fence, "Rings", Memory::weak},
    Mutant{"WakeFence", Safeguard::wake_fence, "TwoCompute", Memory::weak},
    Mutant{"SleepFence", Safeguard::sleep_fence, "TwoCompute", Memory::weak},
    Mutant{"SearchFence", Safeguard::search_fence, "ThreeCompute", Memory::weak},
    Mutant{"StopLock", Safeguard::stop_lock, "StopAccept", Memory::weak},
};

class SchedulerMutant : public testing::TestWithParam<Mutant> {};

// In a process of its own, because an assertion that fails has noticed as well.
TEST_P(SchedulerMutant, IsNoticed) {
  const Mutant& mutant = GetParam();
  const auto* const found = std::ranges::find_if(scenarios, [&mutant](const Scenario& scenario) {
    return std::string_view(scenario.name) == mutant.scenario;
  });
  ASSERT_NE(found, scenarios.end());
  Scenario scenario = *found;
  scenario.left_out = mutant.left_out;
  scenario.memory = mutant.memory;
  const auto noticed = [](int status) { return status != 0; };
  EXPECT_EXIT(std::_Exit(first_failure(scenario, seeds_for_a_mutant).empty() ? 0 : 1), noticed, "");
}

INSTANTIATE_TEST_SUITE_P(Mutants, SchedulerMutant, testing::ValuesIn(mutants),
                         [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace c1m::runtime::model
