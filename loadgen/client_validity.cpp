// Judging lives and unkind clients; see client_validity.hpp.
#include "loadgen/client_validity.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "loadgen/validity_check_forms.hpp"

namespace c1m::loadgen {
namespace {

using measure::LoadDocument;
using measure::UnkindResult;
using measure::ValidityCheck;

// The plan says which ends are resets. One that was skipped, or that came about otherwise, may have
// been to be one.
void add_reset_check(const measure::ChurnResult& churn, const ValidityContext& context,
                     std::vector<ValidityCheck>& checks) {
  constexpr const char* name = "resets_as_planned";
  if (!context.ends_count) {
    checks.push_back(not_applied(name, "lives", "the plan's ends were not counted again"));
    return;
  }
  const std::uint64_t planned = context.ends_count->resets;
  const std::uint64_t open = churn.ends_skipped + churn.closes_failed + churn.unclosed;
  const std::uint64_t off = churn.resets > planned
                                ? churn.resets - planned
                                : planned - std::min(planned, churn.resets + open);
  checks.push_back(none_of(name, off, "lives",
                           fmt::format("{} lives ended by a reset of ours, and the plan has {}",
                                       churn.resets, planned)));
}

// "ECONNRESET: 3, closed by peer: 1".
std::string reasons(const std::map<std::string, std::uint64_t>& errors) {
  std::string text;
  for (const auto& [name, count] : errors) {
    text += fmt::format("{}{}: {}", text.empty() ? "" : ", ", name, count);
  }
  return text;
}

// That so many stood beside the load as were asked for, on average over the window. One that the
// server ends is opened anew, so that a server may defend itself without making a run not valid.
ValidityCheck stood(std::string name, const UnkindResult& clients, const LoadDocument& document,
                    const ValidityContext& context) {
  const char* unit = "relative error";
  const double duration_s = document.window.duration_s();
  if (duration_s <= 0) return not_applied(std::move(name), unit, "the run had no window");
  const double mean = clients.standing_client_s / duration_s;
  const auto asked = static_cast<double>(clients.asked);
  auto check = at_most(
      std::move(name), std::max(0.0, asked - mean) / asked, context.bounds.unkind_missing_max, unit,
      fmt::format("{:.6g} of {} clients stood beside the load on average; the server ended "
                  "{} of them",
                  mean, clients.asked, clients.ended));
  if (clients.ended > 0) check.explanation += fmt::format(" ({})", reasons(clients.end_errors));
  if (clients.connects_failed > 0) {
    check.explanation += fmt::format("; {} attempts to connect failed ({})",
                                     clients.connects_failed, reasons(clients.connect_errors));
  }
  return check;
}

ValidityCheck unkind_add_up(const LoadDocument& document) {
  std::uint64_t error = 0;
  if (document.half_open) error += document.half_open->imbalance();
  if (document.slow) error += document.slow->imbalance();
  return none_of(
      "unkind_add_up", error, "clients",
      "half-open and slow clients that opened = ended + standing at the end leaves over");
}

// What the server said to slow clients. Where it has said nothing there is nothing to judge.
ValidityCheck slow_answered_right(const UnkindResult& slow) {
  constexpr const char* name = "slow_answered_right";
  if (slow.answered == 0 && slow.corrupt == 0) {
    return not_applied(name, "answers", "no slow client was answered");
  }
  return none_of(name, slow.corrupt, "answers",
                 fmt::format("{} answers to slow clients were wrong, those cut short or not asked "
                             "for included; {} came whole",
                             slow.corrupt, slow.answered));
}

}  // namespace

void add_churn_checks(const LoadDocument& document, const ValidityContext& context,
                      std::vector<ValidityCheck>& checks) {
  if (!document.churn) return;
  const measure::ChurnResult& churn = *document.churn;
  std::string explanation =
      "lives that planned = ended + skipped and closed + failed + reset = reopened + failed leave "
      "over";
  std::uint64_t error = churn.imbalance();
  if (context.ends_count) {
    error += distance(context.ends_count->all, churn.ends_planned);
    explanation += fmt::format("; the plan has {} ends, the shards planned {}",
                               context.ends_count->all, churn.ends_planned);
  }
  checks.push_back(none_of("lives_add_up", error, "lives", std::move(explanation)));
  checks.push_back(none_of("lives_closed", churn.closes_failed + churn.unclosed, "connections",
                           fmt::format("{} connections ended otherwise than in order, {} had not "
                                       "ended when the drain did",
                                       churn.closes_failed, churn.unclosed)));
  checks.push_back(none_of("lives_reopened", churn.reopens_failed + churn.unopened, "connections",
                           fmt::format("{} of {} connections could not be opened anew",
                                       churn.reopens_failed + churn.unopened, churn.parted())));
  add_reset_check(churn, context, checks);
  const auto planned = static_cast<double>(churn.ends_planned);
  if (planned < 1) {
    checks.push_back(not_applied("churn_achieved", "relative error", "no life was to end"));
    return;
  }
  // One in a short run is no error.
  const double bound = std::max(context.bounds.rate_error_max, 1.5 / planned);
  checks.push_back(at_most(
      "churn_achieved", static_cast<double>(churn.ends_skipped) / planned, bound, "relative error",
      fmt::format("{} of {} ends were skipped, because the connection did not stand again since "
                  "the one before",
                  churn.ends_skipped, churn.ends_planned)));
}

void add_unkind_checks(const LoadDocument& document, const ValidityContext& context,
                       std::vector<ValidityCheck>& checks) {
  if (!document.half_open && !document.slow) return;
  checks.push_back(unkind_add_up(document));
  if (document.half_open) {
    checks.push_back(stood("half_open_stood", *document.half_open, document, context));
  }
  if (!document.slow) return;
  checks.push_back(stood("slow_stood", *document.slow, document, context));
  checks.push_back(slow_answered_right(*document.slow));
}

}  // namespace c1m::loadgen
