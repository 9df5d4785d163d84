// Files as c1m uses them: /proc read whole, documents written whole or not at all, logs appended,
// others read and written at offsets. Threads: any; a LineLog has one writer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "os/descriptor.hpp"
#include "os/result.hpp"

namespace c1m::os {

// The whole file; works for /proc, whose files say size 0.
[[nodiscard]] Result<std::string> read_file(const std::string& path);

// The whole number with which a file such as those of /proc/sys begins. EINVAL when it begins with
// something else.
[[nodiscard]] Result<std::uint64_t> read_number(const std::string& path);

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

enum class FileAccess : std::uint8_t {
  read,
  write,      // created if it is missing, kept as it is if it is not
  overwrite,  // created, or emptied
};
// For reading, and, but for FileAccess::read, for writing too.
[[nodiscard]] Result<Descriptor> open_file(const std::string& path, FileAccess access);

// Fills `buffer` with what stands from `offset` on; returns how many bytes there were: fewer at the
// end of the file. write_at() writes all, or fails when a part may have been written.
[[nodiscard]] Result<std::size_t> read_at(int fd, std::span<std::byte> buffer,
                                          std::uint64_t offset);
[[nodiscard]] Result<void> write_at(int fd, std::span<const std::byte> bytes, std::uint64_t offset);
[[nodiscard]] Result<void> sync_file(int fd);
[[nodiscard]] Result<std::uint64_t> file_size(int fd);

// Writes all of `text` to a descriptor, for example standard output; retries EINTR and short
// writes.
[[nodiscard]] Result<void> write_all(int fd, std::string_view text);

}  // namespace c1m::os
