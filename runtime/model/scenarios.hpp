// The scenarios by name: what the first coroutine of a run does, and the thread beside it.
// Threads: coroutines of the stage's runtime. Not here: with how many processors and which faults
// (scheduler_model_test.cpp).
#pragma once

#include "runtime/model/scheduler_scenario.hpp"

namespace c1m::runtime::model {

// wait_scenarios.cpp
void spawn_tree(Stage& stage);
void ping_pong(Stage& stage);
void share_slots(Stage& stage);
void keep_frames(Stage& stage);
void parks_on_freezable_stacks(Stage& stage);
void freezes_stacks(Stage& stage);  // beside
void needs_another_processor(Stage& stage);
void three_compute(Stage& stage);
void computes_until_helped(Stage& stage);
void adds_a_processor(Stage& stage);  // beside
void batch_needs_another_processor(Stage& stage);
void wakes_twice(Stage& stage);
void sleeps_in_any_order(Stage& stage);
void locks_a_mutex(Stage& stage);
void blocks_in_calls(Stage& stage);
void leaves_calls(Stage& stage);
void changes_processors(Stage& stage);
void sleeps_until_stopped(Stage& stage);
void stops_at_some_time(Stage& stage);  // beside
void waits_for_the_outside(Stage& stage);
void spawns_from_outside(Stage& stage);  // beside
void spawns_beyond_the_limit(Stage& stage);

// scope_scenarios.cpp
void cancels_three_generations(Stage& stage);
void waits_for_deadlines_of_contexts(Stage& stage);
void opens_groups(Stage& stage);
void joins_handles(Stage& stage);

// lock_scenarios.cpp
void uses_locks_beside_a_thread(Stage& stage);
void uses_locks_on_a_thread(Stage& stage);  // beside
void gives_up_a_semaphore(Stage& stage);
void gives_up_a_condition(Stage& stage);

// primitive_scenarios.cpp
void cancels_sleeps(Stage& stage);
void joins_groups(Stage& stage);
void ticks(Stage& stage);
void pins_compact_ones(Stage& stage);
void locks_threads_of_compact_ones(Stage& stage);
void changes_processors_of_compact_ones(Stage& stage);

// channel_scenarios.cpp
void passes_values_on(Stage& stage);
void selects_by_chance(Stage& stage);
void closes_channels_under_waiters(Stage& stage);
void cancels_waits_for_channels(Stage& stage);
void passes_rings(Stage& stage);
void sends_to_a_thread(Stage& stage);
void receives_on_a_thread(Stage& stage);  // beside

// thread_scenarios.cpp; those on threads are beside
void takes_turns_with_a_thread(Stage& stage);
void takes_turns_with_a_coroutine(Stage& stage);
void waits_for_a_thread(Stage& stage);
void sends_a_coroutine_on(Stage& stage);
void shares_a_slot_with_who_waits_for_a_thread(Stage& stage);
void sends_a_value_on(Stage& stage);
void takes_turns_in_time(Stage& stage);
void takes_turns_in_time_on_a_thread(Stage& stage);
void cancels_a_thread(Stage& stage);
void waits_to_be_cancelled(Stage& stage);

// random_program.cpp
void runs_a_random_program(Stage& stage);

// network_scenarios.cpp
void echoes(Stage& stage);
void closes_under_waiters(Stage& stage);
void reads_with_deadlines(Stage& stage);
void accepts_until_stopped(Stage& stage);
void reads_until_stopped(Stage& stage);

}  // namespace c1m::runtime::model
