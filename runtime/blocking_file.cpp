// os/file's calls as blocking calls; see blocking_file.hpp.
#include "runtime/blocking_file.hpp"

#include "runtime/blocking.hpp"

namespace c1m::runtime {

os::Result<File> File::open(const std::string& path, os::FileAccess access) {
  auto opened = blocking([&] { return os::open_file(path, access); }, WaitReason::file);
  if (!opened) return std::unexpected(opened.error());
  return File(std::move(*opened));
}

os::Result<std::size_t> File::read_at(std::span<std::byte> buffer, std::uint64_t offset) const {
  return blocking([&] { return os::read_at(descriptor_.get(), buffer, offset); }, WaitReason::file);
}

os::Result<void> File::write_at(std::span<const std::byte> bytes, std::uint64_t offset) {
  return blocking([&] { return os::write_at(descriptor_.get(), bytes, offset); }, WaitReason::file);
}

os::Result<void> File::sync() {
  return blocking([&] { return os::sync_file(descriptor_.get()); }, WaitReason::file);
}

os::Result<std::uint64_t> File::size() const {
  return blocking([&] { return os::file_size(descriptor_.get()); }, WaitReason::file);
}

}  // namespace c1m::runtime
