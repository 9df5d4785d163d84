// Results land whole where they were asked for, and what cannot be written is said.
#include "loadgen/load_output.hpp"

#include <unistd.h>

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "measure/histogram_codec.hpp"
#include "os/file.hpp"

namespace c1m::loadgen {
namespace {

using testing::HasSubstr;

class LoadOutputTest : public testing::Test {
 protected:
  void SetUp() override {
    directory = testing::TempDir() + "load_output_test." + std::to_string(::getpid());
    std::filesystem::create_directories(directory);
    document.mode = "open";
    document.protocol = "echo";
    document.window = {.start_ns = os::ns_per_s, .end_ns = 3 * os::ns_per_s};
    document.response_ns.emplace().record(2'000'000);
    document.send_lag_ns.emplace().record(1'000);
    document.service_ns.record(1'000'000);
    measure::TimelineSecond second;
    second.latency_hdr_v2_b64 = measure::encode_v2_base64(*document.response_ns);
    results.resize(2);
    for (auto& result : results) result.timeline = {second, second};
  }
  void TearDown() override { std::filesystem::remove_all(directory); }

  // What stood on stdout.
  std::string write() {
    testing::internal::CaptureStdout();
    failures = write_result(settings, document, results);
    return testing::internal::GetCapturedStdout();
  }
  std::string read(const std::string& name) const {
    return os::read_file(directory + "/" + name).value_or("");
  }

  std::string directory;
  LoadSettings settings;
  measure::LoadDocument document;
  std::vector<measure::LoadShardResult> results;
  std::vector<std::string> failures;
};

TEST_F(LoadOutputTest, TextGoesToStdoutAndTheDocumentToItsFile) {
  settings.out_path = directory + "/run.json";
  EXPECT_THAT(write(), HasSubstr("p99"));
  EXPECT_THAT(failures, testing::IsEmpty());
  EXPECT_EQ(read("run.json"), measure::write_load_document(document));
}

TEST_F(LoadOutputTest, JsonOnStdoutIsTheDocument) {
  settings.format = OutputFormat::json;
  EXPECT_EQ(write(), measure::write_load_document(document));
}

TEST_F(LoadOutputTest, HistogramsAreTablesAndAnIntervalLog) {
  settings.histograms_dir = directory + "/new/histograms";
  ASSERT_EQ(find_unwritable(settings), std::nullopt) << "the directory is created";
  write();
  EXPECT_THAT(failures, testing::IsEmpty());
  EXPECT_THAT(read("new/histograms/response.hgrm"), HasSubstr("Value"));
  EXPECT_THAT(read("new/histograms/service.hgrm"), HasSubstr("Value"));
  EXPECT_THAT(read("new/histograms/send_lag.hgrm"), HasSubstr("Value"));
  const std::string log = read("new/histograms/response.hlog");
  EXPECT_THAT(log, HasSubstr("\n0.000,1.000,"));
  EXPECT_THAT(log, HasSubstr("\n1.000,1.000,"));
  measure::Histogram both = *document.response_ns;
  both.merge(*document.response_ns);
  EXPECT_THAT(log, HasSubstr(measure::encode_v2_base64(both))) << "both shards, one row";
}

TEST_F(LoadOutputTest, SingleFilesHoldWhatTheDirectoryHolds) {
  settings.histograms_dir = directory;
  settings.hgrm_path = directory + "/own.hgrm";
  settings.hdr_log_path = directory + "/own.hlog";
  settings.format = OutputFormat::csv;
  ASSERT_EQ(find_unwritable(settings), std::nullopt);
  EXPECT_THAT(write(), HasSubstr("response_p99_us"));
  EXPECT_THAT(failures, testing::IsEmpty());
  EXPECT_EQ(read("own.hgrm"), read("response.hgrm"));
  EXPECT_THAT(read("own.hlog"), HasSubstr("\n1.000,1.000,"));
}

TEST_F(LoadOutputTest, FindsWhatCannotBeWritten) {
  settings.out_path = directory + "/missing/run.json";
  EXPECT_THAT(find_unwritable(settings).value_or(""), HasSubstr("missing/run.json"));
  settings.out_path = directory;
  EXPECT_THAT(find_unwritable(settings).value_or(""), HasSubstr(directory));
  settings.out_path.clear();
  settings.hdr_log_path = directory + "/missing/run.hlog";
  EXPECT_THAT(find_unwritable(settings).value_or(""), HasSubstr("--hdr-log"));
  settings.hdr_log_path.clear();
  settings.hgrm_path = directory + "/missing/run.hgrm";
  EXPECT_THAT(find_unwritable(settings).value_or(""), HasSubstr("--hgrm"));
  settings.hgrm_path.clear();
  settings.histograms_dir = "/proc/histograms";
  EXPECT_THAT(find_unwritable(settings).value_or(""), HasSubstr("/proc/histograms"));
}

TEST_F(LoadOutputTest, AFileThatFailsLosesNothingElse) {
  settings.out_path = "/dev/full";
  settings.histograms_dir = directory;
  EXPECT_THAT(write(), HasSubstr("p99"));
  ASSERT_EQ(failures.size(), 1U);
  EXPECT_THAT(failures[0], HasSubstr("/dev/full"));
  EXPECT_THAT(failures[0], HasSubstr("ENOSPC"));
  EXPECT_FALSE(read("response.hgrm").empty());
}

}  // namespace
}  // namespace c1m::loadgen
