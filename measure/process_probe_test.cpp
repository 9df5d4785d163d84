// The probe on this very process, and on made-up /proc trees where the answer is known.
#include "measure/process_probe.hpp"

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "os/descriptor.hpp"

namespace c1m::measure {
namespace {

namespace fs = std::filesystem;

// A clock that moves by a fixed step each time it is read, as if all between two readings took that
// long.
class SteppingClock final : public os::Clock {
 public:
  explicit SteppingClock(os::Nanoseconds step_ns) : step_ns_(step_ns) {}
  [[nodiscard]] os::Nanoseconds now_ns() const override { return now_ns_ += step_ns_; }

 private:
  os::Nanoseconds step_ns_;
  mutable os::Nanoseconds now_ns_ = 1'000'000'000'000;
};

// A /proc with one process, this test's own pid, so that its CPU clock exists.
class FakeProc : public testing::Test {
 protected:
  void SetUp() override {
    std::string path = testing::TempDir() + "proc.XXXXXX";
    ASSERT_NE(::mkdtemp(path.data()), nullptr);
    root_ = path;
    write("stat", "1 (a) b) S 1 1 1 0 -1 0 777 0 5 0 100 200 0 0 20 0 2 0 1 1 1 1");
    write("smaps_rollup", "Rss: 10 kB\nPss: 7 kB\nPrivate_Dirty: 4 kB\n");
    fs::create_directories(process() / "fd");
  }
  void TearDown() override { fs::remove_all(root_); }

  fs::path process() const { return root_ / std::to_string(::getpid()); }
  void write(const std::string& name, const std::string& text) const {
    fs::create_directories((process() / name).parent_path());
    std::ofstream(process() / name) << text;
  }
  void write_task(int tid, int voluntary, int involuntary, int delay_ns) const {
    const std::string directory = "task/" + std::to_string(tid);
    write(directory + "/status", "voluntary_ctxt_switches:\t" + std::to_string(voluntary) +
                                     "\nnonvoluntary_ctxt_switches:\t" +
                                     std::to_string(involuntary) + "\n");
    write(directory + "/schedstat", "1 " + std::to_string(delay_ns) + " 1\n");
  }
  void end_task(int tid) const { fs::remove_all(process() / "task" / std::to_string(tid)); }
  ProcessProbe probe() const { return ProcessProbe(::getpid(), clock_, root_.string()); }

  os::ManualClock clock_;
  fs::path root_;
};

TEST(ProcessProbe, SeesThisProcess) {
  ProcessProbe probe(::getpid());
  const ProcessSample before = probe.sample();
  EXPECT_TRUE(before.unavailable.empty()) << before.unavailable.begin()->second;
  EXPECT_GT(before.cpu_us, 0U);
  EXPECT_GT(before.rss_bytes, before.private_dirty_bytes);
  EXPECT_GE(before.rss_bytes, before.pss_bytes);
  EXPECT_GE(before.threads, 1U);
  EXPECT_GT(before.page_faults_minor, 0U);

  const os::Descriptor one(::dup(0));
  const os::Descriptor two(::dup(0));
  EXPECT_EQ(*probe.sample().descriptors, *before.descriptors + 2);
}

TEST(ProcessProbe, GivesAReasonForEveryFieldOfAProcessThatIsGone) {
  ProcessProbe probe(4'194'304);  // PID_MAX_LIMIT: Linux gives smaller numbers only
  const ProcessSample sample = probe.sample();
  EXPECT_FALSE(sample.cpu_us);
  EXPECT_FALSE(sample.rss_bytes);
  EXPECT_FALSE(sample.descriptors);
  EXPECT_FALSE(sample.run_queue_delay_us);
  EXPECT_EQ(sample.unavailable.size(), 13U);
}

TEST(ProcessSample, OfAnEndedProcessNamesTheSameFieldsAsAFailedReading) {
  const ProcessSample unreadable = ProcessProbe(4'194'304).sample();
  const ProcessSample ended = ProcessSample::of_ended_process();
  EXPECT_FALSE(ended.cpu_us);
  ASSERT_EQ(ended.unavailable.size(), unreadable.unavailable.size());
  for (const auto& [field, reason] : unreadable.unavailable) {
    EXPECT_TRUE(ended.unavailable.contains(field)) << field;
  }
}

TEST_F(FakeProc, SumsOverThreads) {
  write_task(1, 10, 1, 3'000);
  write_task(2, 20, 2, 4'000);
  const ProcessSample sample = probe().sample();
  EXPECT_EQ(sample.context_switches_voluntary, 30U);
  EXPECT_EQ(sample.context_switches_involuntary, 3U);
  EXPECT_EQ(sample.run_queue_delay_us, 7U);
  EXPECT_EQ(sample.page_faults_minor, 777U);
  EXPECT_EQ(sample.page_faults_major, 5U);
  EXPECT_EQ(*sample.cpu_system_us, 2 * *sample.cpu_user_us);
}

TEST_F(FakeProc, KeepsWhatEndedThreadsHadCounted) {
  write_task(1, 10, 1, 3'000);
  write_task(2, 20, 2, 4'000);
  ProcessProbe seen = probe();
  (void)seen.sample();
  end_task(2);
  write_task(1, 11, 1, 3'000);
  const ProcessSample sample = seen.sample();
  EXPECT_EQ(sample.context_switches_voluntary, 31U);
  EXPECT_EQ(sample.context_switches_involuntary, 3U);
  EXPECT_EQ(sample.run_queue_delay_us, 7U);
  EXPECT_EQ(seen.sample().context_switches_voluntary, 31U) << "an ended thread is added once";
}

TEST_F(FakeProc, TakesAReusedThreadNumberForANewThread) {
  write_task(1, 10, 1, 3'000);
  ProcessProbe seen = probe();
  (void)seen.sample();
  write_task(1, 2, 0, 1'000);
  EXPECT_EQ(seen.sample().context_switches_voluntary, 12U);
}

TEST_F(FakeProc, LeavesThreadsAloneWhenThereAreTooMany) {
  write_task(1, 10, 1, 3'000);
  write("stat", "1 (x) S 1 1 1 0 -1 0 777 0 5 0 100 200 0 0 20 0 257 0 1 1 1 1");
  ProcessProbe seen = probe();
  const ProcessSample many = seen.sample();
  EXPECT_EQ(many.threads, 257U);
  EXPECT_FALSE(many.context_switches_voluntary);
  EXPECT_FALSE(many.run_queue_delay_us);
  ASSERT_TRUE(many.unavailable.contains("run_queue_delay_us"));
  EXPECT_NE(many.unavailable.at("run_queue_delay_us").find("256 threads"), std::string::npos);

  // Threads came and went unseen, so a later sum would be wrong.
  write("stat", "1 (x) S 1 1 1 0 -1 0 777 0 5 0 100 200 0 0 20 0 2 0 1 1 1 1");
  EXPECT_FALSE(seen.sample().context_switches_voluntary);
}

TEST_F(FakeProc, SaysWhenTheKernelDoesNotCountRunQueueDelay) {
  write_task(1, 10, 1, 3'000);
  fs::remove(process() / "task/1/schedstat");
  const ProcessSample sample = probe().sample();
  EXPECT_EQ(sample.context_switches_voluntary, 10U);
  EXPECT_FALSE(sample.run_queue_delay_us);
  EXPECT_NE(sample.unavailable.at("run_queue_delay_us").find("schedstat"), std::string::npos);
}

TEST_F(FakeProc, ReadsMemoryLessOftenWhenItIsSlow) {
  const SteppingClock clock(5 * os::ns_per_ms);  // so reading takes 5 ms, and 500 ms must pass
  ProcessProbe slow(::getpid(), clock, root_.string());
  EXPECT_EQ(slow.sample().pss_bytes, 7U * 1024);
  const ProcessSample skipped = slow.sample();
  EXPECT_FALSE(skipped.pss_bytes);
  EXPECT_FALSE(skipped.rss_bytes);
  EXPECT_NE(skipped.unavailable.at("pss_bytes").find("5000 us"), std::string::npos);
  int samples_until_next = 1;
  while (!slow.sample().pss_bytes) ASSERT_LT(++samples_until_next, 200);
  // Each skipped sample reads the clock once, so 5 ms pass: the hundredth look after the start is
  // the next.
  EXPECT_EQ(samples_until_next, 98);
}

// /proc/PID/fdinfo has an entry a descriptor and says size 0, as /proc/PID/fd did before Linux 6.2.
TEST_F(FakeProc, CountsDescriptorsByTheirEntriesWhereTheDirectoryHasNoSize) {
  ASSERT_EQ(fs::remove_all(process() / "fd"), 1U);
  fs::create_directory_symlink("/proc/self/fdinfo", process() / "fd");
  const auto real = ProcessProbe(::getpid()).sample().descriptors;
  ASSERT_TRUE(real);
  // One more: listing a directory of this very process takes a descriptor.
  EXPECT_EQ(probe().sample().descriptors, *real + 1);
}

}  // namespace
}  // namespace c1m::measure
