// See article_document.hpp.
#include "measure/article_document.hpp"

#include "os/build_info.hpp"

namespace c1m::measure {

using Json = nlohmann::ordered_json;

Json article_head(const char* kind) {
  const os::BuildInfo build = os::build_info();
  return {{"schema_version", 1},    {"kind", kind},           {"version", build.version},
          {"commit", build.commit}, {"preset", build.preset}, {"dirty", build.dirty}};
}

Json or_null(const Figure& value) {
  return value ? Json(*value) : Json(nullptr);
}

Json growth(const Figure& before, const Figure& after) {
  if (!before || !after) return nullptr;
  return static_cast<std::int64_t>(*after) - static_cast<std::int64_t>(*before);
}

}  // namespace c1m::measure
