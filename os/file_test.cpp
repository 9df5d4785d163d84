// Files: whole documents or none, whole lines, and what happens when the disk is full.
#include "os/file.hpp"

#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "os/process.hpp"

namespace c1m::os {
namespace {

namespace fs = std::filesystem;

// What a child reports when the system does not let it set up the test.
constexpr int exit_cannot_set_up = 77;

class File : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = fs::temp_directory_path() / "c1m-file-test-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
  }
  void TearDown() override { fs::remove_all(directory_); }

  [[nodiscard]] std::string path(const std::string& name) const { return directory_ / name; }

  // Names in the test's directory: shows whether a temporary file was left behind.
  [[nodiscard]] std::vector<std::string> names() const {
    std::vector<std::string> found;
    for (const auto& entry : fs::directory_iterator(directory_)) {
      found.push_back(entry.path().filename());
    }
    return found;
  }

  void write(const std::string& name, const std::string& text) const {
    ASSERT_TRUE(write_file_atomically(path(name), text));
  }

  fs::path directory_;
};

TEST_F(File, ReadsBackWhatWasWritten) {
  const std::string text = std::string(100'000, 'x') + '\0' + "end";
  write("document", text);
  EXPECT_EQ(read_file(path("document")), text);
  struct stat info{};
  ASSERT_EQ(::stat(path("document").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0644U);
}

TEST_F(File, ReadsProcWhoseSizeIsZero) {
  const auto status = read_file("/proc/self/status");
  ASSERT_TRUE(status);
  EXPECT_THAT(*status, testing::HasSubstr("\nPid:"));
}

TEST_F(File, ReadingNamesTheFailedCall) {
  EXPECT_EQ(read_file(path("none")).error().code, ENOENT);
  const auto directory = read_file(directory_);
  ASSERT_FALSE(directory);
  EXPECT_EQ(describe(directory.error()), "read: Is a directory (EISDIR)");
}

TEST_F(File, ReplacesTheOldDocumentAndLeavesNothingElse) {
  write("document", "old and longer");
  write("document", "new");
  EXPECT_EQ(read_file(path("document")), "new");
  EXPECT_THAT(names(), testing::ElementsAre("document"));
}

TEST_F(File, WritingIntoAMissingDirectoryFails) {
  const auto written = write_file_atomically(path("none/document"), "text");
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, ENOENT);
}

TEST_F(File, WritingOverADirectoryFailsAndLeavesIt) {
  fs::create_directory(path("directory"));
  const auto written = write_file_atomically(path("directory"), "text");
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, EISDIR);
  EXPECT_THAT(names(), testing::ElementsAre("directory"));
}

TEST_F(File, WritesADeviceInPlace) {
  // By symbolic links: root running a broken write_file_atomically() would replace the device
  // itself.
  fs::create_symlink("/dev/null", path("null"));
  fs::create_symlink("/dev/full", path("full"));
  EXPECT_TRUE(write_file_atomically(path("null"), "text"));
  const auto full = write_file_atomically(path("full"), "text");
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code, ENOSPC);
  EXPECT_TRUE(fs::is_symlink(path("null")));
}

// The file size limit stands for a full disk where no file system can be mounted: the write stops
// half way.
int write_beyond_size_limit(const std::string& path) {
  std::signal(SIGXFSZ, SIG_IGN);
  const rlimit limit{.rlim_cur = 1000, .rlim_max = 1000};
  if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) return exit_cannot_set_up;
  const auto written = write_file_atomically(path, std::string(5000, 'n'));
  return !written && written.error().code == EFBIG ? 0 : 1;
}

TEST_F(File, KeepsTheOldDocumentWhenTheNewOneDoesNotFit) {
  write("document", "old");
  auto child = fork_child([&] { return write_beyond_size_limit(path("document")); });
  ASSERT_TRUE(child);
  const auto status = child->wait();
  ASSERT_TRUE(status);
  EXPECT_TRUE(status->success()) << describe(*status);
  EXPECT_EQ(read_file(path("document")), "old");
  EXPECT_THAT(names(), testing::ElementsAre("document"));
}

// On a real full disk: a 64 KiB tmpfs that only the child sees. 0 when old content and no temporary
// file remain.
int write_on_full_disk(const std::string& mount_point) {
  if (::unshare(CLONE_NEWNS | (::geteuid() == 0 ? 0 : CLONE_NEWUSER)) != 0) {
    return exit_cannot_set_up;
  }
  ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr);
  if (::mount("c1m-test", mount_point.c_str(), "tmpfs", 0, "size=64k") != 0) {
    return exit_cannot_set_up;
  }
  const std::string document = mount_point + "/document";
  if (!write_file_atomically(document, "old")) return 2;
  const auto written = write_file_atomically(document, std::string(1'000'000, 'n'));
  if (written || written.error().code != ENOSPC) return 3;
  if (read_file(document) != "old") return 4;
  const auto entries = std::distance(fs::directory_iterator(mount_point), {});
  return entries == 1 ? 0 : 5;
}

TEST_F(File, KeepsTheOldDocumentOnAFullDisk) {
  auto child = fork_child([&] { return write_on_full_disk(directory_); });
  ASSERT_TRUE(child);
  const auto status = child->wait();
  ASSERT_TRUE(status);
  if (status->exit_code == exit_cannot_set_up) {
    GTEST_SKIP() << "this process may not mount a file system of its own";
  }
  EXPECT_TRUE(status->success()) << describe(*status) << "; 2-5 say which step failed";
}

TEST_F(File, CheckWritableAcceptsNewAndOldFilesAndDevices) {
  EXPECT_TRUE(check_writable(path("new")));
  write("old", "text");
  EXPECT_TRUE(check_writable(path("old")));
  EXPECT_TRUE(check_writable("/dev/null"));
  EXPECT_THAT(names(), testing::ElementsAre("old")) << "checking creates nothing";
}

TEST_F(File, CheckWritableRefusesDirectoriesAndMissingOnes) {
  EXPECT_EQ(check_writable(directory_).error().code, EISDIR);
  EXPECT_EQ(check_writable(path("none/document")).error().code, ENOENT);
}

// As nobody, because root may write everywhere.
int check_writable_as_nobody(const std::string& directory) {
  if (::chmod(directory.c_str(), 0555) != 0) return exit_cannot_set_up;
  if (::geteuid() == 0 && ::setresuid(65'534, 65'534, 65'534) != 0) return exit_cannot_set_up;
  const auto writable = check_writable(directory + "/document");
  if (writable || writable.error().code != EACCES) return 1;
  // A device is written in place, so its directory does not matter.
  return check_writable("/dev/null") ? 0 : 2;
}

TEST_F(File, CheckWritableRefusesAReadOnlyDirectoryUnlessItIsAboutADevice) {
  auto child = fork_child([&] { return check_writable_as_nobody(directory_); });
  ASSERT_TRUE(child);
  const auto status = child->wait();
  ASSERT_TRUE(status);
  if (status->exit_code == exit_cannot_set_up) GTEST_SKIP() << "cannot give up root's rights";
  EXPECT_TRUE(status->success()) << describe(*status);
}

TEST_F(File, LineLogTruncatesThenAppendsLines) {
  write("log", "from an earlier run\n");
  auto log = LineLog::create(path("log"));
  ASSERT_TRUE(log);
  EXPECT_EQ(read_file(path("log")), "");
  EXPECT_TRUE(log->append("first"));
  EXPECT_TRUE(log->append(""));
  EXPECT_TRUE(log->append("third"));
  EXPECT_EQ(read_file(path("log")), "first\n\nthird\n");
}

TEST_F(File, LineLogReportsWhereItCannotBeOrGrow) {
  EXPECT_EQ(LineLog::create(path("none/log")).error().code, ENOENT);
  auto full = LineLog::create("/dev/full");
  ASSERT_TRUE(full);
  EXPECT_EQ(full->append("line").error().code, ENOSPC);
}

TEST_F(File, WriteAllRetriesShortWrites) {
  // A pipe takes 64 KiB at a time; the child drains it slowly in small reads and counts.
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  Descriptor reader(ends[0]);
  Descriptor writer(ends[1]);
  constexpr std::size_t total_bytes = 300'000;
  auto child = fork_child([&] {
    writer.reset();
    std::size_t seen = 0;
    char block[1000];
    for (ssize_t got = 0; (got = ::read(reader.get(), block, sizeof block)) > 0;) {
      seen += static_cast<std::size_t>(got);
    }
    return seen == total_bytes ? 0 : 1;
  });
  ASSERT_TRUE(child);
  EXPECT_TRUE(write_all(writer.get(), std::string(total_bytes, 'x')));
  writer.reset();
  EXPECT_TRUE(child->wait()->success());
}

TEST_F(File, WriteAllReportsABadDescriptor) {
  EXPECT_EQ(write_all(-1, "text").error().code, EBADF);
}

}  // namespace
}  // namespace c1m::os
