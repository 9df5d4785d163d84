// File access; see file.hpp.
#include "os/file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <charconv>

namespace c1m::os {
namespace {

std::string directory_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

Result<void> write_and_sync(int fd, std::string_view text) {
  if (auto written = write_all(fd, text); !written) return written;
  if (::fsync(fd) != 0 && errno != EINVAL && errno != EROFS) return last_error("fsync");
  return {};
}

// A device such as /dev/stdout or a pipe cannot be replaced by a rename; it is written in place.
bool is_replaceable(const std::string& path) {
  struct stat info{};
  return ::stat(path.c_str(), &info) != 0 || S_ISREG(info.st_mode);
}

Result<void> write_in_place(const std::string& path, std::string_view text) {
  Descriptor fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd.is_open()) return last_error("open");
  return write_all(fd.get(), text);
}

}  // namespace

Result<std::string> read_file(const std::string& path) {
  const Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.is_open()) return last_error("open");
  std::string text;
  std::array<char, 16'384> block{};
  while (true) {
    const ssize_t got = ::read(fd.get(), block.data(), block.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return last_error("read");
    if (got == 0) return text;
    text.append(block.data(), static_cast<std::size_t>(got));
  }
}

Result<std::uint64_t> read_number(const std::string& path) {
  const auto text = read_file(path);
  if (!text) return std::unexpected(text.error());
  std::uint64_t value = 0;
  const auto [end, code] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (code != std::errc{}) return fail(EINVAL, "read_number");
  return value;
}

Result<void> write_file_atomically(const std::string& path, std::string_view text) {
  if (!is_replaceable(path)) return write_in_place(path, text);
  std::string temporary = path + ".XXXXXX";
  Descriptor fd(::mkostemp(temporary.data(), O_CLOEXEC));
  if (!fd.is_open()) return last_error("open");
  auto written = write_and_sync(fd.get(), text);
  if (written && ::fchmod(fd.get(), 0644) != 0) written = last_error("fchmod");
  if (written && ::rename(temporary.c_str(), path.c_str()) != 0) written = last_error("rename");
  if (!written) ::unlink(temporary.c_str());
  return written;
}

Result<void> check_writable(const std::string& path) {
  struct stat info{};
  if (::stat(path.c_str(), &info) == 0) {
    if (S_ISDIR(info.st_mode)) return fail(EISDIR, "open");
    if (::access(path.c_str(), W_OK) != 0) return last_error("access");
    if (!S_ISREG(info.st_mode)) return {};
  }
  if (::access(directory_of(path).c_str(), W_OK | X_OK) != 0) return last_error("access");
  return {};
}

Result<LineLog> LineLog::create(const std::string& path) {
  Descriptor fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_APPEND, 0644));
  if (!fd.is_open()) return last_error("open");
  return LineLog(std::move(fd));
}

Result<void> LineLog::append(std::string_view line) {
  std::string text(line);
  text += '\n';
  return write_all(fd_.get(), text);
}

Result<Descriptor> open_file(const std::string& path, FileAccess access) {
  int flags = access == FileAccess::read ? O_RDONLY : O_RDWR | O_CREAT;
  if (access == FileAccess::overwrite) flags |= O_TRUNC;
  Descriptor fd(::open(path.c_str(), flags | O_CLOEXEC, 0644));
  if (!fd.is_open()) return last_error("open");
  return fd;
}

Result<std::size_t> read_at(int fd, std::span<std::byte> buffer, std::uint64_t offset) {
  std::size_t done = 0;
  while (done < buffer.size()) {
    const ssize_t got =
        ::pread(fd, buffer.data() + done, buffer.size() - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return last_error("pread");
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

Result<void> write_at(int fd, std::span<const std::byte> bytes, std::uint64_t offset) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t put =
        ::pwrite(fd, bytes.data() + done, bytes.size() - done, static_cast<off_t>(offset + done));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return last_error("pwrite");
    done += static_cast<std::size_t>(put);
  }
  return {};
}

Result<void> sync_file(int fd) {
  if (::fsync(fd) != 0) return last_error("fsync");
  return {};
}

Result<std::uint64_t> file_size(int fd) {
  struct stat info{};
  if (::fstat(fd, &info) != 0) return last_error("fstat");
  return static_cast<std::uint64_t>(info.st_size);
}

Result<void> write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return last_error("write");
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

}  // namespace c1m::os
