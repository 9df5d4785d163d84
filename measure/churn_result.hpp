// What became of the lives of connections that live for a drawn time; of one shard, and of all by
// operator+=.
//
// Invariants after a run: ends_planned = closed + closes_failed + resets + unclosed + ends_skipped,
// and closed + closes_failed + resets = reopened + reopens_failed + unopened.
// Threads: plain values. Not here: JSON (load_result_json, load_document).
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>

#include "measure/histogram.hpp"

namespace c1m::measure {

struct ChurnResult {
  std::uint64_t ends_planned = 0;    // that fell due, warm-up included
  std::uint64_t ends_skipped = 0;    // the connection was on its way from the end before, or gone
  std::uint64_t closed = 0;          // orderly: the peer's FIN was read after our end
  std::uint64_t closes_failed = 0;   // in another way
  std::uint64_t resets = 0;          // by us, in the middle of a request that no plan counts
  std::uint64_t unclosed = 0;        // still waiting for answers or for the peer's FIN
  std::uint64_t reopened = 0;        // ready for requests again, after an opening handshake if any
  std::uint64_t reopens_failed = 0;  // such a connection stays closed
  std::uint64_t unopened = 0;        // still connecting
  Histogram close_ns = {};           // of closed: from shutdown or Close to the peer's FIN
  Histogram connect_ns = {};         // from connect(2) to writable
  Histogram away_ns = {};            // of reopened: from the planned end
  std::map<std::string, std::uint64_t> close_errors = {};
  std::map<std::string, std::uint64_t> connect_errors = {};

  // Lives that are over, in whatever way.
  [[nodiscard]] std::uint64_t parted() const { return closed + closes_failed + resets; }
  // What the two identities leave over.
  [[nodiscard]] std::uint64_t imbalance() const;

  ChurnResult& operator+=(const ChurnResult& other);
  friend bool operator==(const ChurnResult&, const ChurnResult&) = default;
};

// The counters by name, in the order of the documents, for whatever treats all of them alike.
struct ChurnCounter {
  const char* name;
  std::uint64_t ChurnResult::* value;
};
inline constexpr std::array churn_counters{
    ChurnCounter{"ends_planned", &ChurnResult::ends_planned},
    ChurnCounter{"ends_skipped", &ChurnResult::ends_skipped},
    ChurnCounter{"closed", &ChurnResult::closed},
    ChurnCounter{"closes_failed", &ChurnResult::closes_failed},
    ChurnCounter{"resets", &ChurnResult::resets},
    ChurnCounter{"unclosed", &ChurnResult::unclosed},
    ChurnCounter{"reopened", &ChurnResult::reopened},
    ChurnCounter{"reopens_failed", &ChurnResult::reopens_failed},
    ChurnCounter{"unopened", &ChurnResult::unopened},
};

}  // namespace c1m::measure
