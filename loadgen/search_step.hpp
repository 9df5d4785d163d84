// Whether one run at one rate shows that the server holds the objective there.
//
// A response time counts from the intended moment, so a generator that is late can only make it
// longer: an objective that was met is met all the same. One that was missed while the generator
// was out of its bounds says nothing about the server. Threads: pure functions. Not here: which
// rate comes next (rate_search).
#pragma once

#include "loadgen/rate_search.hpp"
#include "loadgen/threshold.hpp"
#include "measure/load_document.hpp"

namespace c1m::loadgen {

[[nodiscard]] StepOutcome outcome_of(const measure::LoadDocument& document,
                                     const Threshold& objective);
// What a run shows of the generator alone, whatever the server did: held when every check passed.
[[nodiscard]] StepOutcome outcome_of_generator(const measure::LoadDocument& document);
[[nodiscard]] const char* name_of(StepOutcome outcome);

}  // namespace c1m::loadgen
