// From texts to a schedule; see schedule_flags.hpp.
#include "loadgen/schedule_flags.hpp"

#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "os/file.hpp"

namespace c1m::loadgen {
namespace {

constexpr std::size_t steps_max = 1'000;
constexpr std::string_view zipf_prefix = "zipf:";
constexpr std::string_view active_prefix = "active:";
// Beyond this nearly all requests are one connection's; below, the law is hardly one.
constexpr double zipf_exponent_max = 10;
constexpr double zipf_exponent_min = 0.01;

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

RateProfile constant(double rate_per_s) {
  return {.segments = {}, .then_per_s = rate_per_s};
}

// The window's segments, with the warm-up before them.
RateProfile after_warmup(std::vector<RateSegment> segments, os::Nanoseconds warmup_ns) {
  const double first = segments.front().from_per_s;
  const double last = segments.back().to_per_s;
  if (warmup_ns > 0) {
    segments.insert(segments.begin(),
                    {.length_ns = warmup_ns, .from_per_s = first, .to_per_s = first});
  }
  return {.segments = std::move(segments), .then_per_s = last};
}

RateProfile read_ramp(FlagReader& reader, const std::string& text, os::Nanoseconds warmup_ns,
                      os::Nanoseconds duration_ns) {
  const auto parts = split(text, ':');
  if (parts.size() != 2) {
    reader.report("--ramp", fmt::format("'{}' is not FROM:TO, as in 100:5000", text));
    return constant(1);
  }
  const RateSegment ramp{.length_ns = duration_ns,
                         .from_per_s = reader.real("--ramp", parts[0], true),
                         .to_per_s = reader.real("--ramp", parts[1], true)};
  if (ramp.from_per_s + ramp.to_per_s <= 0) reader.report("--ramp", "has no rate above 0");
  return after_warmup({ramp}, warmup_ns);
}

RateProfile read_steps(FlagReader& reader, const std::string& text, os::Nanoseconds warmup_ns,
                       os::Nanoseconds duration_ns) {
  const auto parts = split(text, ',');
  const auto count = static_cast<os::Nanoseconds>(parts.size());
  if (parts.size() > steps_max || duration_ns / count == 0) {
    reader.report("--steps", fmt::format("{} steps are more than {}, or than the window has room "
                                         "for",
                                         count, steps_max));
    return constant(1);
  }
  std::vector<RateSegment> steps;
  double sum = 0;
  for (os::Nanoseconds at = 0; at < count; ++at) {
    const double rate = reader.real("--steps", parts[static_cast<std::size_t>(at)], true);
    // Ends by multiplication, so that the last is the window's.
    const os::Nanoseconds length_ns = duration_ns * (at + 1) / count - duration_ns * at / count;
    steps.push_back({.length_ns = length_ns, .from_per_s = rate, .to_per_s = rate});
    sum += rate;
  }
  if (sum <= 0) reader.report("--steps", "have no rate above 0");
  return after_warmup(std::move(steps), warmup_ns);
}

// The mean rate stays what -R says.
RateProfile read_bursts(FlagReader& reader, const std::string& text, double mean_per_s) {
  const auto parts = split(text, '/');
  if (parts.size() != 2) {
    reader.report("--burst", fmt::format("'{}' is not ON/OFF, as in 100ms/900ms", text));
    return constant(1);
  }
  const os::Nanoseconds on_ns = reader.duration("--burst", parts[0], os::ns_per_ms);
  const os::Nanoseconds off_ns = reader.duration("--burst", parts[1], os::ns_per_ms);
  const double on_per_s =
      mean_per_s * static_cast<double>(on_ns + off_ns) / static_cast<double>(on_ns);
  return {.segments = {{.length_ns = on_ns, .from_per_s = on_per_s, .to_per_s = on_per_s},
                       {.length_ns = off_ns, .from_per_s = 0, .to_per_s = 0}},
          .repeats = true};
}

std::vector<TracedArrival> read_trace_file(FlagReader& reader, const std::string& path,
                                           std::uint32_t connections) {
  const auto text = os::read_file(path);
  if (!text) {
    reader.report("--trace", fmt::format("'{}': {}", path, os::describe(text.error())));
    return {};
  }
  auto arrivals = parse_trace(*text, connections);
  if (arrivals) return *std::move(arrivals);
  reader.report("--trace", fmt::format("'{}': {}", path, arrivals.error()));
  return {};
}

ConnectionChoice read_choice(FlagReader& reader, const std::string& text,
                             std::uint32_t connections) {
  constexpr const char* flag = "--choose";
  const std::string_view view = text;
  if (text == "uniform") return {};
  if (view.starts_with(zipf_prefix)) {
    const double exponent = reader.real(flag, view.substr(zipf_prefix.size()), false);
    if (exponent >= zipf_exponent_min && exponent <= zipf_exponent_max) {
      return {.kind = ChoiceKind::zipf, .exponent = exponent};
    }
    reader.report(flag, fmt::format("'{}': the exponent is not from {} to {}", text,
                                    zipf_exponent_min, zipf_exponent_max));
  } else if (view.starts_with(active_prefix)) {
    const auto active = static_cast<std::uint32_t>(
        reader.whole(flag, view.substr(active_prefix.size()), 1, connections));
    return {.kind = ChoiceKind::active, .active = active};
  } else {
    reader.report(flag, fmt::format("'{}' is not uniform, zipf:EXPONENT or active:COUNT", text));
  }
  return {};
}

// One of these makes the rate.
bool only_one_is_given(FlagReader& reader, const ScheduleTexts& texts) {
  const char* before = nullptr;
  for (const auto& [flag, text] : {std::pair("-R,--rate", &texts.rate),
                                   {"--ramp", &texts.ramp},
                                   {"--steps", &texts.steps},
                                   {"--trace", &texts.trace}}) {
    if (text->empty()) continue;
    if (before != nullptr) {
      reader.report(flag,
                    fmt::format("cannot be together with {}: each is a whole schedule", before));
      return false;
    }
    before = flag;
  }
  return true;
}

}  // namespace

Schedule read_schedule(FlagReader& reader, const ScheduleTexts& texts, std::uint32_t connections,
                       os::Nanoseconds warmup_ns, os::Nanoseconds duration_ns) {
  Schedule schedule;
  schedule.process = reader.choice("--arrival", texts.arrival, {"poisson", "uniform"}) == 0
                         ? ArrivalProcess::poisson
                         : ArrivalProcess::uniform;
  schedule.choice = read_choice(reader, texts.choice, connections);
  schedule.choice_text = texts.choice;
  if (!only_one_is_given(reader, texts)) return schedule;
  if (!texts.trace.empty()) {
    schedule.process = ArrivalProcess::trace;
    schedule.trace = read_trace_file(reader, texts.trace, connections);
    schedule.rate_text = "trace " + texts.trace;
  } else if (!texts.ramp.empty()) {
    schedule.rate = read_ramp(reader, texts.ramp, warmup_ns, duration_ns);
    schedule.rate_text = "ramp " + texts.ramp;
  } else if (!texts.steps.empty()) {
    schedule.rate = read_steps(reader, texts.steps, warmup_ns, duration_ns);
    schedule.rate_text = "steps " + texts.steps;
  } else if (!texts.rate.empty()) {
    schedule.rate = constant(reader.real("-R,--rate", texts.rate, false));
  }
  if (texts.burst.empty()) return schedule;
  if (texts.rate.empty()) {
    reader.report("--burst", "needs the mean rate, -R");
    return schedule;
  }
  schedule.rate = read_bursts(reader, texts.burst, schedule.rate.then_per_s);
  schedule.rate_text = "burst " + texts.burst;
  return schedule;
}

}  // namespace c1m::loadgen
