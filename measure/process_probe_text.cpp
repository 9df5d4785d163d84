// Parsing of /proc/PID texts; see process_probe_text.hpp.
#include "measure/process_probe_text.hpp"

#include <array>
#include <charconv>

namespace c1m::measure {
namespace {

constexpr std::string_view blanks = " \t\n";

// Takes one word off the front of `text`; empty at the end.
std::string_view take_word(std::string_view& text) {
  const std::size_t start = text.find_first_not_of(blanks);
  if (start == std::string_view::npos) return text = {};
  text.remove_prefix(start);
  const std::string_view word = text.substr(0, text.find_first_of(blanks));
  text.remove_prefix(word.size());
  return word;
}

std::optional<std::uint64_t> to_number(std::string_view word) {
  std::uint64_t value = 0;
  const auto [end, code] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (code != std::errc{} || end != word.data() + word.size()) return std::nullopt;
  return value;
}

// The number after `label` (with its colon) at the start of a line.
std::optional<std::uint64_t> labelled_number(std::string_view text, std::string_view label) {
  for (std::size_t at = text.find(label); at != std::string_view::npos;
       at = text.find(label, at + 1)) {
    if (at != 0 && text[at - 1] != '\n') continue;
    std::string_view rest = text.substr(at + label.size());
    return to_number(take_word(rest));
  }
  return std::nullopt;
}

}  // namespace

std::optional<ProcessStat> parse_process_stat(std::string_view text) {
  const std::size_t name_end = text.rfind(')');
  if (name_end == std::string_view::npos) return std::nullopt;
  text.remove_prefix(name_end + 1);
  // Field numbers as proc(5) counts them; the first word after the name is field 3.
  constexpr std::size_t first_field = 3;
  constexpr std::size_t minor_faults_field = 10;
  constexpr std::size_t major_faults_field = 12;
  constexpr std::size_t user_field = 14;
  constexpr std::size_t system_field = 15;
  constexpr std::size_t threads_field = 20;
  std::array<std::string_view, threads_field + 1> fields{};
  for (std::size_t field = first_field; field < fields.size(); ++field)
    fields[field] = take_word(text);

  const auto minor = to_number(fields[minor_faults_field]);
  const auto major = to_number(fields[major_faults_field]);
  const auto user = to_number(fields[user_field]);
  const auto system = to_number(fields[system_field]);
  const auto threads = to_number(fields[threads_field]);
  if (!minor || !major || !user || !system || !threads) return std::nullopt;
  return ProcessStat{.page_faults_minor = *minor,
                     .page_faults_major = *major,
                     .user_ticks = *user,
                     .system_ticks = *system,
                     .threads = *threads};
}

std::optional<MemoryRollup> parse_memory_rollup(std::string_view text) {
  constexpr std::uint64_t kibibyte = 1024;
  const auto rss = labelled_number(text, "Rss:");
  const auto pss = labelled_number(text, "Pss:");
  const auto dirty = labelled_number(text, "Private_Dirty:");
  if (!rss || !pss || !dirty) return std::nullopt;
  return MemoryRollup{.rss_bytes = *rss * kibibyte,
                      .pss_bytes = *pss * kibibyte,
                      .private_dirty_bytes = *dirty * kibibyte};
}

std::optional<ContextSwitches> parse_context_switches(std::string_view text) {
  const auto voluntary = labelled_number(text, "voluntary_ctxt_switches:");
  const auto involuntary = labelled_number(text, "nonvoluntary_ctxt_switches:");
  if (!voluntary || !involuntary) return std::nullopt;
  return ContextSwitches{.voluntary = *voluntary, .involuntary = *involuntary};
}

std::optional<std::uint64_t> parse_run_queue_delay(std::string_view text) {
  take_word(text);  // time on a CPU
  return to_number(take_word(text));
}

}  // namespace c1m::measure
