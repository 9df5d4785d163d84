// The article's claims stand here, and nowhere else; see gmp_document.hpp.
#include "measure/gmp_document.hpp"

#include <nlohmann/json.hpp>

#include "measure/article_document.hpp"

namespace c1m::measure {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::uint64_t claimed_live = 100'001;
constexpr std::uint64_t claimed_growth_bytes_min = 20'000'000;
constexpr std::uint64_t claimed_growth_bytes_max = 50'000'000;

Json claim_json() {
  return {{"live_after_spawning", claimed_live},
          {"rss_growth_bytes_min", claimed_growth_bytes_min},
          {"rss_growth_bytes_max", claimed_growth_bytes_max}};
}

Json measured_json(const GmpDocument& document) {
  const ProcessMemory& before = document.memory_before;
  const ProcessMemory& peak = document.memory_after_spawning;
  const ProcessMemory& end = document.memory_at_end;
  return {{"live_after_spawning", document.live_after_spawning},
          {"ended_by_then", document.ended_by_then},
          {"live_at_end", document.live_at_end},
          {"stacks_reserved", document.stacks_reserved},
          {"rss_before_bytes", or_null(before.rss_bytes)},
          {"rss_after_spawning_bytes", or_null(peak.rss_bytes)},
          {"rss_at_end_bytes", or_null(end.rss_bytes)},
          {"rss_growth_bytes", growth(before.rss_bytes, peak.rss_bytes)},
          {"page_table_growth_bytes", growth(before.page_table_bytes, peak.page_table_bytes)}};
}

// What a reader must know before comparing.
Json differences_json() {
  return Json::array(
      {"The claim is about goroutines, whose stacks start at 2 KB; here a coroutine gets its "
       "dedicated stack when it first runs, which takes a page of 4 KB: those that have not run by "
       "the time memory is read take only their record and the page tables of a stack in reserve.",
       "With more than one processor others run coroutines while the first still spawns, so fewer "
       "are live: live_after_spawning and ended_by_then add up to all that were spawned.",
       "Lines go through the C library's buffer; Go's fmt.Println is a system call a line.",
       "Memory is read right after the last spawn; stacks that are free again at the end may keep "
       "their pages for reuse."});
}

}  // namespace

std::string to_json_line(const GmpDocument& document) {
  Json json = article_head("c1m-article-r02");
  json["coroutines"] = document.coroutines;
  json["processors"] = document.processors;
  json["claimed"] = claim_json();
  json["measured"] = measured_json(document);
  json["differences"] = differences_json();
  return json.dump();
}

}  // namespace c1m::measure
