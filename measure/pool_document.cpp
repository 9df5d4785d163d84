// The article's claims stand here, and nowhere else; see pool_document.hpp.
#include "measure/pool_document.hpp"

#include <nlohmann/json.hpp>

#include "measure/article_document.hpp"

namespace c1m::measure {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::uint64_t claimed_tasks = 1'000'000;
constexpr std::uint64_t claimed_queue_max = 5000;
constexpr std::uint64_t claimed_workers_a_core_min = 2;
constexpr std::uint64_t claimed_workers_a_core_max = 4;

Json claim_json() {
  return {{"tasks", claimed_tasks},
          {"queue_max", claimed_queue_max},
          {"workers_a_core_min", claimed_workers_a_core_min},
          {"workers_a_core_max", claimed_workers_a_core_max}};
}

Json measured_json(const PoolDocument& document) {
  const ProcessMemory& before = document.memory_before;
  const ProcessMemory& tenth = document.memory_after_tenth;
  const ProcessMemory& all = document.memory_after_all;
  const auto tasks = static_cast<double>(document.tasks);
  return {{"results", document.results},
          {"results_right", document.results_right},
          {"leak_reports", document.leak_reports},
          {"elapsed_ns", document.elapsed_ns},
          {"task_ns", static_cast<double>(document.elapsed_ns) / tasks},
          {"rss_before_bytes", or_null(before.rss_bytes)},
          {"rss_after_tenth_bytes", or_null(tenth.rss_bytes)},
          {"rss_after_all_bytes", or_null(all.rss_bytes)},
          {"rss_growth_bytes", growth(before.rss_bytes, all.rss_bytes)},
          {"rss_growth_after_tenth_bytes", growth(tenth.rss_bytes, all.rss_bytes)}};
}

// What a reader must know before comparing.
Json differences_json() {
  return Json::array(
      {"The article gives the pool's shape and the detector's thresholds, but no time and no "
       "memory: "
       "the equal Go program is in runtime/peers, and `./c1m compare-runtimes --operations "
       "pool_of_a_million_by_4` prints both beside each other.",
       "A task is a few multiplications, so that the time is that of the pool: a submit, a take, a "
       "result and its receipt.",
       "Flat memory is the growth between a tenth of the results and all of them."});
}

}  // namespace

std::string to_json_line(const PoolDocument& document) {
  Json json = article_head("c1m-article-r04");
  json["tasks"] = document.tasks;
  json["processors"] = document.processors;
  json["workers"] = document.workers;
  json["queue_max"] = document.queue_max;
  json["claimed"] = claim_json();
  json["measured"] = measured_json(document);
  json["differences"] = differences_json();
  return json.dump();
}

}  // namespace c1m::measure
