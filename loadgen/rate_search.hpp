// The search for the highest rate at which an objective holds: bracket, bisection in log scale,
// then repetitions at both edges until they are sure enough.
//
// A step at one rate comes out by chance: a stall of the machine fails a rate that the server could
// hold. So a rate's *lead* is its steps that held minus those that did not, and an edge of the
// bracket is sure when its lead is large enough. How large follows from a bound that holds whenever
// one stops: call a rate holdable if its steps hold with a probability of at least p = 0.8, and not
// holdable if they hold with at most 1 - p. With steps independent, the lead of a holdable rate
// ever reaches -n with probability at most ((1 - p) / p)^n = 4^-n, and likewise the other way round
// (gambler's ruin; Ville's inequality for the martingale 4^-lead). Over the k rates that were
// tried, the probability that any edge is wrong is at most k * 4^-n, n being the smaller lead of
// the two edges:
//
//   confidence = 1 - k * 4^-n
//
// Rates between the two, that hold now and then, may end up on either side.
// Invariants: at most steps_max steps; held() is always below failed().
// Threads: one owner. Not here: running a step (search_run), what holding means (search_step).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string_view>

namespace c1m::loadgen {

enum class StepOutcome : std::uint8_t {
  held,
  missed,     // the objective was not met, or requests were lost
  generator,  // the generator did not keep up, so that the step says nothing about the server
};

struct SearchPlan {
  double from_rps = 100;     // where it begins, and the lowest rate tried
  double to_rps = 1e6;       // the highest rate tried
  double factor = 2;         // of one bracketing step
  double resolution = 0.05;  // done when failed / held - 1 is at most this
  double confidence = 0.95;  // and the edges are as sure as this
  std::uint32_t steps_max = 60;
};

struct SearchProbe {
  double rate_rps = 0;
  const char* phase = "";  // "bracket", "bisect" or "repeat"
};

class RateSearch {
 public:
  explicit RateSearch(const SearchPlan& plan) : plan_(plan) {}

  // What to try next; nothing when the search is over.
  [[nodiscard]] std::optional<SearchProbe> next() const;
  void record(double rate_rps, StepOutcome outcome);

  // The highest rate that held more often than not, below the lowest that did not.
  [[nodiscard]] std::optional<double> held() const;
  [[nodiscard]] std::optional<double> failed() const;
  // Why there is nothing above held(): "objective", "generator" (its share of the steps at failed()
  // is half or more), or "search range" when the highest rate allowed was held.
  [[nodiscard]] std::string_view bound_by() const;
  // Of both edges, by the formula above; 0 while an edge is missing or unsure.
  [[nodiscard]] double confidence() const;
  // The bracket is narrow and sure enough, or lies at an end of the range, and is sure enough.
  [[nodiscard]] bool converged() const { return steps_ > 0 && !following(); }
  [[nodiscard]] std::uint32_t steps() const { return steps_; }

 private:
  struct Tally {
    std::uint32_t held = 0;
    std::uint32_t missed = 0;
    std::uint32_t generator = 0;

    [[nodiscard]] int lead() const {
      return static_cast<int>(held) - static_cast<int>(missed) - static_cast<int>(generator);
    }
  };

  [[nodiscard]] int lead(double rate_rps) const { return tallies_.at(rate_rps).lead(); }
  // What next() gives but for the limit of steps.
  [[nodiscard]] std::optional<SearchProbe> following() const;
  [[nodiscard]] std::optional<SearchProbe> narrower(double held_rps, double failed_rps) const;
  [[nodiscard]] std::optional<SearchProbe> surer() const;

  SearchPlan plan_;
  std::uint32_t steps_ = 0;
  std::map<double, Tally> tallies_;
};

}  // namespace c1m::loadgen
