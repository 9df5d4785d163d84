// What became of the clients of one kind that stand beside the load and are no help to the server:
// half-open ones, or slow ones; of one shard, and of all by operator+=.
//
// Invariants after a run: opened = ended + standing_at_end; a server may end them, and each that it
// ends is opened anew. No request, byte and time of theirs is in a figure of the load; what they
// cost the generator is in its CPU time and memory. Threads: plain values. Not here: JSON
// (load_result_json, load_document), the clients themselves (loadgen).
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>

#include "measure/histogram.hpp"

namespace c1m::measure {

struct UnkindResult {
  std::uint64_t asked = 0;   // clients at a time
  std::uint64_t opened = 0;  // times that one came to stand
  std::uint64_t ended = 0;   // of these, by the server
  std::uint64_t standing_at_end = 0;
  std::uint64_t connects_failed = 0;  // an opening handshake included
  std::uint64_t bytes_sent = 0;       // of slow ones
  std::uint64_t answered = 0;         // whole requests of slow ones that came back
  // Answers with a wrong byte, type or length, those that were wrong before their end included;
  // and what was not asked for or against the protocol.
  std::uint64_t corrupt = 0;
  double standing_client_s = 0;   // in the window: the area under the number that stood
  Histogram ended_after_ns = {};  // of ended: since it stood
  std::map<std::string, std::uint64_t> end_errors = {};
  std::map<std::string, std::uint64_t> connect_errors = {};

  // What the identity leaves over.
  [[nodiscard]] std::uint64_t imbalance() const;

  UnkindResult& operator+=(const UnkindResult& other);
  friend bool operator==(const UnkindResult&, const UnkindResult&) = default;
};

// The counters by name, in the order of the documents, for whatever treats all of them alike.
struct UnkindCounter {
  const char* name;
  std::uint64_t UnkindResult::* value;
};
inline constexpr std::array unkind_counters{
    UnkindCounter{"asked", &UnkindResult::asked},
    UnkindCounter{"opened", &UnkindResult::opened},
    UnkindCounter{"ended", &UnkindResult::ended},
    UnkindCounter{"standing_at_end", &UnkindResult::standing_at_end},
    UnkindCounter{"connects_failed", &UnkindResult::connects_failed},
    UnkindCounter{"bytes_sent", &UnkindResult::bytes_sent},
    UnkindCounter{"answered", &UnkindResult::answered},
    UnkindCounter{"corrupt", &UnkindResult::corrupt},
};

}  // namespace c1m::measure
