// The document of the article's worker pool (kind "c1m-article-r04"): a million tasks, how long
// they took and what memory did meanwhile, beside what the article claims. Invariant: a figure that
// could not be read is null. Threads: pure functions.
#pragma once

#include <cstdint>
#include <string>

#include "measure/process_memory.hpp"

namespace c1m::measure {

struct PoolDocument {
  std::uint64_t tasks = 0;
  unsigned processors = 0;
  unsigned workers = 0;
  std::uint64_t queue_max = 0;  // of tasks, and of results
  std::uint64_t results = 0;
  bool results_right = false;  // their sum is what it must be
  std::uint64_t leak_reports = 0;
  std::uint64_t elapsed_ns = 0;  // from the first submit to the last result
  ProcessMemory memory_before;
  ProcessMemory memory_after_tenth;  // when a tenth of the results had come
  ProcessMemory memory_after_all;
};

// Without a newline.
[[nodiscard]] std::string to_json_line(const PoolDocument& document);

}  // namespace c1m::measure
