// Files as c1m uses them: /proc read whole, documents written whole or not at all, logs appended.
// Threads: any; a LineLog has one writer.
#pragma once

#include <string>
#include <string_view>

#include "os/descriptor.hpp"
#include "os/result.hpp"

namespace c1m::os {

// The whole file; works for /proc, whose files say size 0.
[[nodiscard]] Result<std::string> read_file(const std::string& path);

// Writes to a temporary file in the same directory, syncs it, and renames it over `path`: after a
// full disk or a crash the old content (or no file) is there, never half of the new. The temporary
// file is removed on failure.
[[nodiscard]] Result<void> write_file_atomically(const std::string& path, std::string_view text);

// Whether a file at `path` could be created or replaced: its directory exists and is writable. For
// checks before a long run; a later write may still fail.
[[nodiscard]] Result<void> check_writable(const std::string& path);

// A file that grows line by line; each append is one write(2), so that a reader sees whole lines.
class LineLog {
 public:
  // Creates or truncates the file.
  [[nodiscard]] static Result<LineLog> create(const std::string& path);
  // `line` without its newline.
  [[nodiscard]] Result<void> append(std::string_view line);

 private:
  explicit LineLog(Descriptor fd) : fd_(std::move(fd)) {}
  Descriptor fd_;
};

// Writes all of `text` to a descriptor, for example standard output; retries EINTR and short
// writes.
[[nodiscard]] Result<void> write_all(int fd, std::string_view text);

}  // namespace c1m::os
