// When memory is short: the worse of machine and control group, from files as the kernel writes
// them, and from this machine's own.
#include "os/memory_pressure.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "os/address_space.hpp"

namespace c1m::os {
namespace {

namespace fs = std::filesystem;

constexpr const char* meminfo =
    "MemTotal:       1000000 kB\nMemFree:         100000 kB\nMemAvailable:    600000 kB\n";

class MemoryPressureTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = fs::temp_directory_path() / "c1m-memory-pressure-test-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
    write("proc/meminfo", meminfo);
  }
  void TearDown() override { fs::remove_all(root_); }

  void write(const std::string& path, const std::string& text) const {
    const fs::path file = fs::path(root_) / path;
    fs::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }
  void write_group(const std::string& path, const std::string& max, const std::string& current,
                   const std::string& inactive, const std::string& high = "max") const {
    const fs::path group = fs::path("sys/fs/cgroup") / path;
    write(group / "memory.max", max + "\n");
    write(group / "memory.high", high + "\n");
    write(group / "memory.current", current + "\n");
    write(group / "memory.stat", "anon 5\nfile 6\ninactive_file " + inactive +
                                     "\nactive_file 30\nslab_reclaimable 20\n"
                                     "slab_unreclaimable 900\n");
  }
  [[nodiscard]] MemoryPressure pressure() const {
    const auto read = memory_pressure(root_);
    EXPECT_TRUE(read);
    return read.value_or(MemoryPressure{});
  }

  std::string root_;
};

TEST_F(MemoryPressureTest, OfTheMachineAlone) {
  EXPECT_DOUBLE_EQ(pressure().available_share, 0.6);
  EXPECT_DOUBLE_EQ(pressure().stalled_share, 0);
  write("proc/pressure/memory",
        "some avg10=12.50 avg60=3.00 avg300=1.00 total=5\nfull avg10=99.00 avg60=0 avg300=0 "
        "total=1\n");
  EXPECT_DOUBLE_EQ(pressure().stalled_share, 0.125);
}

TEST_F(MemoryPressureTest, OfTheGroupWhereThatIsWorse) {
  write("proc/self/cgroup", "5:pids:/elsewhere\n0::/service/echo\n");
  write("proc/pressure/memory", "some avg10=1.00 avg60=0 avg300=0 total=5\n");
  write("sys/fs/cgroup/service/echo/memory.pressure", "some avg10=2.00 avg60=0 avg300=0 total=5\n");
  write_group("service/echo", "1000", "900", "100");
  EXPECT_DOUBLE_EQ(pressure().stalled_share, 0.02);
  EXPECT_DOUBLE_EQ(pressure().available_share, 0.25) << "pages of files and slab can go";
}

TEST_F(MemoryPressureTest, OfAnyGroupAbove) {
  write("proc/self/cgroup", "0::/service/echo\n");
  write_group("service/echo", "max", "900", "0");
  write_group("service", "1000", "950", "0");
  EXPECT_DOUBLE_EQ(pressure().available_share, 0.1);
  write_group("service", "1000", "1200", "0");
  EXPECT_DOUBLE_EQ(pressure().available_share, 0) << "a limit that was lowered";
}

TEST_F(MemoryPressureTest, OfTheLowerOfTheTwoLimits) {
  write("proc/self/cgroup", "0::/service\n");
  write_group("service", "1000", "450", "0", "500");
  EXPECT_DOUBLE_EQ(pressure().available_share, 0.2);
  write_group("service", "500", "450", "0", "1000");
  EXPECT_DOUBLE_EQ(pressure().available_share, 0.2);
  write_group("service", "max", "450", "0", "500");
  EXPECT_DOUBLE_EQ(pressure().available_share, 0.2);
}

TEST_F(MemoryPressureTest, AContainerSeesItsGroupAsTheRoot) {
  write("proc/self/cgroup", "0::/\n");
  write_group("", "1000", "700", "0");
  EXPECT_DOUBLE_EQ(pressure().available_share, 0.35);
}

TEST_F(MemoryPressureTest, WithoutMeminfoThereIsNone) {
  write("proc/meminfo", "MemTotal:       1000000 kB\n");
  EXPECT_FALSE(memory_pressure(root_));
  EXPECT_FALSE(memory_pressure(root_ + "/nowhere"));
}

TEST(MemoryPressure, OfThisMachineIsAShare) {
  const auto read = memory_pressure();
  ASSERT_TRUE(read);
  EXPECT_GE(read->available_share, 0);
  EXPECT_LE(read->available_share, 1);
  EXPECT_GE(read->stalled_share, 0);
  EXPECT_LE(read->stalled_share, 1);
}

TEST(ResidentBytes, GrowWithWhatIsTouched) {
  constexpr std::size_t bytes = 64 << 20;
  const auto before = resident_bytes();
  auto space = AddressSpace::reserve(bytes);
  ASSERT_TRUE(before);
  ASSERT_TRUE(space);
  for (std::size_t i = 0; i < bytes; i += page_bytes()) space->data()[i] = std::byte{1};
  const auto after = resident_bytes();
  ASSERT_TRUE(after);
  EXPECT_GT(*after, *before + bytes / 2) << "the kernel counts late";
}

}  // namespace
}  // namespace c1m::os
