// The checks on what a run asked of its clients beside traffic: that connections lived as planned,
// and that half-open and slow clients stood beside the load. Each block is judged where it is
// there. Threads: pure functions. Not here: the other checks (validity).
#pragma once

#include <vector>

#include "loadgen/validity.hpp"
#include "measure/load_document.hpp"

namespace c1m::loadgen {

void add_churn_checks(const measure::LoadDocument& document, const ValidityContext& context,
                      std::vector<measure::ValidityCheck>& checks);

void add_unkind_checks(const measure::LoadDocument& document, const ValidityContext& context,
                       std::vector<measure::ValidityCheck>& checks);

}  // namespace c1m::loadgen
