// Which build this is: every result document and `--version` says it.
#pragma once

namespace c1m::os {

struct BuildInfo {
  const char* version;  // "0.1.0"
  const char* commit;   // full hash, or "unknown" outside a git checkout
  const char* preset;   // CMake preset; only "release" figures may be published
  bool dirty;           // the tree had uncommitted changes to tracked files
};

BuildInfo build_info();

}  // namespace c1m::os
