// c1m-load: reads the flags, checks the machine, runs the load, judges and writes the result.
// Each step that fails ends the program with a sentence on stderr and its exit code.
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#include <fmt/format.h>

#include "loadgen/calibration.hpp"
#include "loadgen/judged_document.hpp"
#include "loadgen/load_flags.hpp"
#include "loadgen/load_limits.hpp"
#include "loadgen/load_output.hpp"
#include "loadgen/load_report.hpp"
#include "loadgen/load_run.hpp"
#include "loadgen/pause_report.hpp"
#include "loadgen/search_run.hpp"
#include "os/cpu_set.hpp"
#include "os/exit_code.hpp"
#include "os/file.hpp"

namespace {

using namespace c1m;
using namespace c1m::loadgen;

int complain(os::ExitCode code, const std::string& sentence) {
  // There is no other place to report a failure of stderr itself.
  static_cast<void>(os::write_all(STDERR_FILENO, "c1m-load: " + sentence + "\n"));
  return code;
}

int say_why_nothing_runs(const NothingToRun& reason) {
  if (reason.is_mistake) return complain(os::exit_wrong_usage, reason.text + " (see --help)");
  return os::write_all(STDOUT_FILENO, reason.text) ? os::exit_good : os::exit_failed;
}

std::uint64_t count_sources(const std::vector<AddressRange>& sources) {
  std::uint64_t count = 0;
  for (const AddressRange& range : sources) count += range.size();
  return count;
}

// Not valid comes before crossed: thresholds of a run that proves nothing are neither kept nor
// crossed, and a user who gave --strict asked to hear of that first.
int exit_code(const LoadSettings& settings, const RunOutcome& outcome, bool is_written,
              const measure::LoadDocument& document) {
  if (outcome.signal_number != 0) return os::exit_signal_base + outcome.signal_number;
  if (!outcome.failures.empty() || !is_written) return os::exit_failed;
  if (settings.strict && !document.valid()) return os::exit_not_valid;
  return document.thresholds_kept() ? os::exit_good : os::exit_threshold_crossed;
}

int finish(const LoadSettings& settings, const std::vector<AddressRange>& sources,
           const RunOutcome& outcome) {
  const measure::LoadDocument document = judged_document(settings, sources, outcome);
  auto unwritten = write_result(settings, document, outcome.results);
  if (!settings.pauses.path.empty()) {
    const std::string pauses = measure::to_json(pauses_document(settings, outcome));
    if (auto written = os::write_file_atomically(settings.pauses.path, pauses); !written) {
      unwritten.push_back(
          fmt::format("cannot write {}: {}", settings.pauses.path, os::describe(written.error())));
    }
  }
  for (const std::string& failure : outcome.failures) complain(os::exit_failed, failure);
  for (const std::string& failure : unwritten) complain(os::exit_failed, failure);
  // A terminal that has just been shown the text needs it no second time.
  const bool was_shown = settings.format == OutputFormat::text && ::isatty(STDOUT_FILENO) == 1;
  if (!was_shown) {
    const auto crossed = format_thresholds(document, ShownThresholds::only_crossed);
    static_cast<void>(os::write_all(STDERR_FILENO, crossed + format_failed_checks(document)));
  }
  return exit_code(settings, outcome, unwritten.empty(), document);
}

// A search that found no rate has crossed its objective at the lowest one.
int exit_code(const LoadSettings& settings, const SearchOutcome& outcome, bool is_written) {
  if (outcome.signal_number != 0) return os::exit_signal_base + outcome.signal_number;
  if (!outcome.failures.empty() || !is_written) return os::exit_failed;
  if (settings.strict && !outcome.document.converged) return os::exit_not_valid;
  return outcome.document.held_rps ? os::exit_good : os::exit_threshold_crossed;
}

int search(const LoadSettings& settings, std::uint32_t shards,
           const std::vector<AddressRange>& sources) {
  const auto outcome = run_search(settings, shards, sources);
  if (!outcome) return complain(os::exit_failed, os::describe(outcome.error()));
  const auto unwritten = write_search(settings, outcome->document);
  for (const std::string& failure : outcome->failures) complain(os::exit_failed, failure);
  for (const std::string& failure : unwritten) complain(os::exit_failed, failure);
  return exit_code(settings, *outcome, unwritten.empty());
}

std::vector<std::string> store_calibration(const LoadSettings& settings,
                                           const measure::CalibrationDocument& document) {
  const std::string json = measure::write_calibration_document(document);
  const std::string text =
      settings.format == OutputFormat::json ? json : format_calibration(document);
  std::vector<std::string> failures;
  if (auto printed = os::write_all(STDOUT_FILENO, text); !printed) {
    failures.push_back("stdout: " + os::describe(printed.error()));
  }
  for (const std::string& path : {settings.calibration_path, settings.out_path}) {
    if (path.empty()) continue;
    std::error_code ignored;  // what is wrong is seen when the file is written
    std::filesystem::create_directories(std::filesystem::path(path).parent_path(), ignored);
    if (auto written = os::write_file_atomically(path, json); !written) {
      failures.push_back("cannot write " + path + ": " + os::describe(written.error()));
    }
  }
  return failures;
}

int run_calibration(const LoadSettings& settings, std::uint32_t shards) {
  const auto outcome = calibrate(settings, shards);
  if (!outcome) return complain(os::exit_failed, os::describe(outcome.error()));
  for (const std::string& failure : outcome->failures) complain(os::exit_failed, failure);
  if (outcome->signal_number != 0) return os::exit_signal_base + outcome->signal_number;
  // What was not finished must not take the place of what was.
  if (!outcome->failures.empty()) return os::exit_failed;
  const auto failures = store_calibration(settings, outcome->document);
  for (const std::string& failure : failures) complain(os::exit_failed, failure);
  return failures.empty() ? os::exit_good : os::exit_failed;
}

int run(const LoadSettings& settings) {
  // A reader that goes away must not take the document with it: the write fails instead.
  std::signal(SIGPIPE, SIG_IGN);
  if (const auto sentence = find_unwritable(settings)) return complain(os::exit_failed, *sentence);
  const auto limits = read_machine_limits();
  if (!limits) return complain(os::exit_failed, os::describe(limits.error()));
  const auto sources = settings.sources.empty() ? choose_sources(ports_needed(settings, *limits),
                                                                 settings.targets, limits->ports)
                                                : settings.sources;
  const auto shards = plan_shards(settings, *limits, count_sources(sources));
  if (!shards) return complain(os::exit_machine_limit, shards.error());
  if (settings.calibrates) return run_calibration(settings, *shards);
  if (settings.cpus) {
    if (auto bound = os::bind_to(*settings.cpus); !bound) {
      return complain(os::exit_failed, "--cpus: " + os::describe(bound.error()));
    }
  }
  if (settings.search) return search(settings, *shards, sources);
  const auto outcome = run_load(settings, *shards, sources);
  if (!outcome) return complain(os::exit_failed, os::describe(outcome.error()));
  return finish(settings, sources, *outcome);
}

}  // namespace

int main(int argument_count, char** arguments) {
  const auto settings = parse_load_flags(argument_count, arguments);
  if (!settings) return say_why_nothing_runs(settings.error());
  return run(*settings);
}
