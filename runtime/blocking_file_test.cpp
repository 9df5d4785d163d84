// Files at offsets: what was written is read, the end is short, errors are the system's; and other
// coroutines run while an operation lasts.
#include "runtime/blocking_file.hpp"

#include <sys/stat.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "runtime/network_fixture.hpp"
#include "runtime/runtime_fixture.hpp"
#include "runtime/sleep.hpp"
#include "runtime/spawn.hpp"
#include "runtime/wait_group.hpp"
#include "runtime/yield.hpp"

namespace c1m::runtime {
namespace {

class FileTest : public RuntimeTest {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "c1m_file_test.XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    directory_ = name;
    RuntimeTest::SetUp();
  }
  void TearDown() override {
    RuntimeTest::TearDown();
    std::filesystem::remove_all(directory_);
  }
  [[nodiscard]] std::string path(const char* name) const { return directory_ / name; }

 private:
  std::filesystem::path directory_;
};
C1M_FOR_ALL_PROCESSOR_COUNTS(FileTest);

TEST_P(FileTest, WhatWasWrittenIsReadAndTheEndIsShort) {
  run([this] {
    const auto bytes = numbered_bytes(100'000, 3);
    auto file = File::open(path("numbers"), os::FileAccess::overwrite);
    ASSERT_TRUE(file) << os::describe(file.error());
    EXPECT_TRUE(file->is_open());
    EXPECT_EQ(file->size(), 0U);
    ASSERT_TRUE(file->write_at(bytes, 0));
    ASSERT_TRUE(file->sync());
    EXPECT_EQ(file->size(), bytes.size());

    auto again = File::open(path("numbers"), os::FileAccess::read);
    ASSERT_TRUE(again);
    std::vector<std::byte> buffer(bytes.size() + 1000);
    EXPECT_EQ(again->read_at(buffer, 0), bytes.size()) << "short at the end";
    buffer.resize(bytes.size());
    EXPECT_EQ(buffer, bytes);
    std::array<std::byte, 100> few{};
    EXPECT_EQ(again->read_at(few, bytes.size() - 40), 40U);
    EXPECT_TRUE(std::ranges::equal(std::span(few).first(40), std::span(bytes).last(40)));
    EXPECT_EQ(again->read_at(few, bytes.size()), 0U);
    EXPECT_EQ(again->read_at(few, bytes.size() + 1'000'000), 0U);
  });
  EXPECT_GT(runtime().statistics().blocking_calls, 8U);
}

TEST_P(FileTest, WritingKeepsOverwritingEmptiesAndHolesAreZeros) {
  run([this] {
    const std::array<std::byte, 4> four{std::byte{1}, std::byte{2}, std::byte{3}, std::byte{4}};
    ASSERT_TRUE(File::open(path("file"), os::FileAccess::write)->write_at(four, 10));
    auto kept = File::open(path("file"), os::FileAccess::write);
    ASSERT_TRUE(kept);
    EXPECT_EQ(kept->size(), 14U);
    std::array<std::byte, 14> all{};
    EXPECT_EQ(kept->read_at(all, 0), 14U);
    EXPECT_EQ(all[9], std::byte{0});
    EXPECT_EQ(all[13], std::byte{4});
    EXPECT_EQ(File::open(path("file"), os::FileAccess::overwrite)->size(), 0U);
  });
}

TEST_P(FileTest, ErrorsAreTheSystems) {
  run([this] {
    EXPECT_EQ(File::open(path("missing"), os::FileAccess::read).error().code, ENOENT);
    EXPECT_EQ(File::open(path("no/such/folder"), os::FileAccess::write).error().code, ENOENT);
    EXPECT_EQ(File::open(path(""), os::FileAccess::write).error().code, EISDIR);
    auto file = File::open(path("file"), os::FileAccess::overwrite);
    ASSERT_TRUE(file);
    auto reader = File::open(path("file"), os::FileAccess::read);
    ASSERT_TRUE(reader);
    const std::array<std::byte, 1> byte{};
    EXPECT_EQ(reader->write_at(byte, 0).error(), (os::Error{EBADF, "pwrite"}));
    std::array<std::byte, 1> buffer{};
    EXPECT_EQ(File().read_at(buffer, 0).error(), (os::Error{EBADF, "pread"}));
    EXPECT_EQ(File().sync().error().code, EBADF);
    EXPECT_EQ(File().size().error().code, EBADF);
  });
}

// Opening a pipe waits for its other end, as a slow disk does.
TEST_P(FileTest, OthersRunAndADumpSaysFileWhileAnOperationLasts) {
  ASSERT_EQ(::mkfifo(path("pipe").c_str(), 0600), 0);
  run([this] {
    ASSERT_TRUE(spawn([this] {
      while (to_text(runtime().dump()).find("[file") == std::string::npos) {
        ASSERT_TRUE(sleep_for(os::ns_per_ms));
      }
      ASSERT_TRUE(File::open(path("pipe"), os::FileAccess::write));
    }));
    ASSERT_TRUE(File::open(path("pipe"), os::FileAccess::read));
  });
}

TEST_P(FileTest, ManyUseOneFileAtOnceAlsoFromCompactStacks) {
  constexpr std::size_t coroutines = C1M_TSAN ? 50 : 200;
  constexpr std::size_t bytes_each = 64;
  std::atomic<int> right = 0;
  run([&] {
    auto file = File::open(path("shared"), os::FileAccess::overwrite);
    ASSERT_TRUE(file);
    WaitGroup writing;
    writing.add(coroutines);
    for (unsigned i = 0; i < coroutines; ++i) {
      const auto body = [&, i] {
        const auto bytes = numbered_bytes(bytes_each, i);
        std::array<std::byte, bytes_each> buffer;  // on the stack that is shared
        ASSERT_TRUE(file->write_at(bytes, i * bytes_each));
        yield();
        if (file->read_at(buffer, i * bytes_each) == bytes_each) {
          right += std::ranges::equal(buffer, bytes) ? 1 : 0;
        }
        writing.done();
      };
      ASSERT_TRUE(
          spawn(body, {.stack = i % 2 == 0 ? StackPolicy::compact : StackPolicy::dedicated}));
    }
    writing.wait();
    EXPECT_EQ(file->size(), coroutines * bytes_each);
  });
  EXPECT_EQ(right.load(), static_cast<int>(coroutines));
}

}  // namespace
}  // namespace c1m::runtime
