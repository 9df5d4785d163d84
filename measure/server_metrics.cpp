// OpenMetrics text; see server_metrics.hpp.
#include "measure/server_metrics.hpp"

#include <iterator>

#include <fmt/format.h>

#include "measure/server_figures.hpp"

namespace c1m::measure {
namespace {

using std::back_inserter;

// Label values escape these three, and nothing else.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\')
      out += "\\\\";
    else if (c == '"')
      out += "\\\"";
    else if (c == '\n')
      out += "\\n";
    else
      out += c;
  }
  return out;
}

std::string number(const ShardFigure& figure, std::uint64_t value) {
  constexpr std::uint64_t us_per_s = 1'000'000;
  if (std::string_view(figure.metric_unit) != "seconds") return fmt::format("{}", value);
  return fmt::format("{}.{:06}", value / us_per_s, value % us_per_s);
}

void append_metadata(std::string& text, const ShardFigure& figure) {
  const bool is_counter = figure.kind == FigureKind::counter;
  const std::string_view unit = figure.metric_unit;
  fmt::format_to(back_inserter(text), "# TYPE {} {}\n", figure.metric_name,
                 is_counter ? "counter" : "gauge");
  if (!unit.empty())
    fmt::format_to(back_inserter(text), "# UNIT {} {}\n", figure.metric_name, unit);
  fmt::format_to(back_inserter(text), "# HELP {} {}\n", figure.metric_name, figure.help);
}

void append_samples(std::string& text, const ShardFigure& figure, const StatsSample& sample) {
  const bool is_counter = figure.kind == FigureKind::counter;
  const std::string_view label = figure.metric_label;
  for (const ShardSample& shard : sample.shards) {
    const auto value = figure.value(shard);
    if (!value) continue;
    fmt::format_to(back_inserter(text), "{}{}{{shard=\"{}\"{}{}}} {}\n", figure.metric_name,
                   is_counter ? "_total" : "", shard.index, label.empty() ? "" : ",", label,
                   number(figure, *value));
  }
}

void append_choices(std::string& text, const BackendChoices& choices) {
  if (!choices.poller && !choices.stacks) return;
  fmt::format_to(back_inserter(text),
                 "# TYPE c1m_server_choices info\n"
                 "# HELP c1m_server_choices What runs where the server has a choice.\n"
                 "c1m_server_choices_info{{poller=\"{}\",stacks=\"{}\"}} 1\n",
                 escaped(choices.poller.value_or("")), escaped(choices.stacks.value_or("")));
}

}  // namespace

std::string to_open_metrics(const StatsSample& sample, std::string_view backend,
                            const os::BuildInfo& build) {
  std::string text;
  fmt::format_to(
      back_inserter(text),
      "# TYPE c1m_server_build info\n"
      "# HELP c1m_server_build Which server this is.\n"
      "c1m_server_build_info{{backend=\"{}\",version=\"{}\",commit=\"{}\",preset=\"{}\"}} 1\n",
      escaped(backend), escaped(build.version), escaped(build.commit), escaped(build.preset));
  append_choices(text, sample.choices);
  text +=
      "# TYPE c1m_server_shard_up gauge\n# HELP c1m_server_shard_up Whether the shard's process "
      "lives.\n";
  for (const ShardSample& shard : sample.shards) {
    fmt::format_to(back_inserter(text), "c1m_server_shard_up{{shard=\"{}\"}} {}\n", shard.index,
                   shard.alive ? 1 : 0);
  }
  std::string_view family;
  for (const ShardFigure& figure : shard_figures()) {
    if (figure.metric_name != family) append_metadata(text, figure);
    family = figure.metric_name;
    append_samples(text, figure, sample);
  }
  return text += "# EOF\n";
}

}  // namespace c1m::measure
