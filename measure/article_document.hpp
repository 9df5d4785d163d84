// What the documents of the article's programs (article/) have in common. Threads: any. Not here:
// what each claims and measures.
#pragma once

#include <cstdint>
#include <optional>

#include <nlohmann/json.hpp>

namespace c1m::measure {

// A figure that the machine may not give.
using Figure = std::optional<std::uint64_t>;

// The head: `kind`, and the build that measured.
[[nodiscard]] nlohmann::ordered_json article_head(const char* kind);

// The number, or null.
[[nodiscard]] nlohmann::ordered_json or_null(const Figure& value);
// Signed, since the system may take pages back in between; null if either is missing.
[[nodiscard]] nlohmann::ordered_json growth(const Figure& before, const Figure& after);

}  // namespace c1m::measure
