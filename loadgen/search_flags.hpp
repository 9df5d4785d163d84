// The flags of a search: what must hold, between which rates, how narrow and how sure.
// Threads: any. Not here: the other flags (load_flags).
#pragma once

#include <string>

#include "loadgen/flag_reader.hpp"
#include "loadgen/rate_search.hpp"
#include "loadgen/threshold.hpp"

namespace c1m::loadgen {

// As the user wrote them; an empty objective: no search.
struct SearchTexts {
  std::string objective = {};
  std::string rates = "100:1000000";
  std::string resolution = "5%";
  std::string confidence = "95%";
  std::string steps = "60";
};

struct SearchSettings {
  Threshold objective;
  SearchPlan plan;
  bool of_generator = false;  // a step holds when the run is valid (--calibrate)
};

// Mistakes go to the reader. `texts.objective` is not empty.
SearchSettings read_search(FlagReader& reader, const SearchTexts& texts);

}  // namespace c1m::loadgen
