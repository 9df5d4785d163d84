// A file, read and written at offsets: each operation is a blocking call (blocking.hpp), because a
// regular file is always ready for the netpoller and still makes its thread wait for the disk.
// Invariant: an operation ends only when the kernel is done with the caller's buffer, which may lie
// on any stack. Threads: for coroutines only; several operations on one file at once. Not here:
// cancelling (the kernel does not give such a call up); a position; closing, which the destructor
// does at once, so sync() before it where the bytes matter.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include "os/descriptor.hpp"
#include "os/file.hpp"
#include "os/result.hpp"

namespace c1m::runtime {

class File {
 public:
  // Fails as open(2) does.
  [[nodiscard]] static os::Result<File> open(const std::string& path, os::FileAccess access);

  File() = default;

  // Fills `buffer` from `offset` on and returns how many bytes there were: fewer at the end of the
  // file, 0 behind it.
  [[nodiscard]] os::Result<std::size_t> read_at(std::span<std::byte> buffer,
                                                std::uint64_t offset) const;
  // Writes all of `bytes`, or fails when a part may have been written. Behind the end of the file
  // it grows, with zeros in between.
  [[nodiscard]] os::Result<void> write_at(std::span<const std::byte> bytes, std::uint64_t offset);
  // Returns when everything written is on the disk (fsync).
  [[nodiscard]] os::Result<void> sync();
  [[nodiscard]] os::Result<std::uint64_t> size() const;

  [[nodiscard]] bool is_open() const { return descriptor_.is_open(); }

 private:
  explicit File(os::Descriptor descriptor) : descriptor_(std::move(descriptor)) {}
  os::Descriptor descriptor_;
};

}  // namespace c1m::runtime
