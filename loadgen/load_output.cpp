// Writing results; see load_output.hpp.
#include "loadgen/load_output.hpp"

#include <unistd.h>

#include <filesystem>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "loadgen/load_merge.hpp"
#include "loadgen/load_report.hpp"
#include "loadgen/load_row.hpp"
#include "loadgen/search_report.hpp"
#include "measure/histogram_log.hpp"
#include "os/file.hpp"

namespace c1m::loadgen {
namespace {

constexpr double us_per_recorded = static_cast<double>(os::ns_per_us);

// A row a second; times count from the window's start.
std::string interval_log(const measure::LoadDocument& document,
                         const std::vector<measure::LoadShardResult>& results) {
  const bool is_open_loop = document.mode == "open";
  const os::Nanoseconds since_ns = os::monotonic_ns() - document.window.start_ns;
  std::string text = measure::interval_log_header(
      fmt::format("c1m-load {} latency, a row a second of intended time",
                  is_open_loop ? "response" : "service"),
      os::realtime_ns() - since_ns);
  for (std::size_t index = 0; index < timeline_length(results); ++index) {
    const MergedSecond second = merge_second(results, index, is_open_loop);
    const auto start_ns = static_cast<os::Nanoseconds>(index) * os::ns_per_s;
    text += measure::interval_log_row(second.latency_ns,
                                      {.start_ns = start_ns, .length_ns = os::ns_per_s});
  }
  return text;
}

void write_file(const std::string& path, const std::string& text,
                std::vector<std::string>& failures) {
  if (auto written = os::write_file_atomically(path, text); !written) {
    failures.push_back(fmt::format("cannot write {}: {}", path, os::describe(written.error())));
  }
}

// The latency of the run: from the intended time, where there is one.
const measure::Histogram& latency_of(const measure::LoadDocument& document) {
  return document.response_ns ? *document.response_ns : document.service_ns;
}

std::string text_of(const LoadSettings& settings, const measure::LoadDocument& document,
                    const std::string& json) {
  switch (settings.format) {
    case OutputFormat::json:
      return json;
    case OutputFormat::csv:
      return format_csv(document);
    case OutputFormat::text:
      break;
  }
  return format_report(document);
}

void print(const std::string& text, std::vector<std::string>& failures) {
  if (auto printed = os::write_all(STDOUT_FILENO, text); !printed) {
    failures.push_back("cannot write the result to stdout: " + os::describe(printed.error()));
  }
}

void write_histograms(const std::string& directory, const measure::LoadDocument& document,
                      const std::vector<measure::LoadShardResult>& results,
                      std::vector<std::string>& failures) {
  const auto write_table = [&](const char* name, const measure::Histogram& histogram) {
    write_file(fmt::format("{}/{}.hgrm", directory, name),
               measure::percentile_table(histogram, us_per_recorded), failures);
  };
  if (document.response_ns) write_table("response", *document.response_ns);
  write_table("service", document.service_ns);
  if (document.send_lag_ns) write_table("send_lag", *document.send_lag_ns);
  if (document.websocket) {
    write_table("handshake", document.websocket->handshake_ns);
    write_table("close", document.websocket->close_ns);
    if (document.websocket->pings_sent > 0) {
      write_table("ping_rtt", document.websocket->ping_rtt_ns);
    }
  }
  const char* log_name = document.response_ns ? "response" : "service";
  write_file(fmt::format("{}/{}.hlog", directory, log_name), interval_log(document, results),
             failures);
}

}  // namespace

std::optional<std::string> find_unwritable(const LoadSettings& settings) {
  for (const auto& [flag, path] : {std::pair("--out", &settings.out_path),
                                   {"--pauses", &settings.pauses.path},
                                   {"--hgrm", &settings.hgrm_path},
                                   {"--hdr-log", &settings.hdr_log_path}}) {
    if (path->empty()) continue;
    if (auto writable = os::check_writable(*path); !writable) {
      return fmt::format("{}: cannot write {}: {}", flag, *path, os::describe(writable.error()));
    }
  }
  if (settings.histograms_dir.empty()) return std::nullopt;
  std::error_code code;
  std::filesystem::create_directories(settings.histograms_dir, code);
  if (code) {
    return fmt::format("--histograms: cannot create {}: {}", settings.histograms_dir,
                       code.message());
  }
  if (auto writable = os::check_writable(settings.histograms_dir + "/service.hgrm"); !writable) {
    return fmt::format("--histograms: cannot write into {}: {}", settings.histograms_dir,
                       os::describe(writable.error()));
  }
  return std::nullopt;
}

std::vector<std::string> write_search(const LoadSettings& settings,
                                      const measure::SearchDocument& document) {
  std::vector<std::string> failures;
  const std::string json = measure::write_search_document(document);
  print(settings.format == OutputFormat::json ? json : format_search(document), failures);
  if (!settings.out_path.empty()) write_file(settings.out_path, json, failures);
  return failures;
}

std::vector<std::string> write_result(const LoadSettings& settings,
                                      const measure::LoadDocument& document,
                                      const std::vector<measure::LoadShardResult>& results) {
  std::vector<std::string> failures;
  const std::string json = measure::write_load_document(document);
  // First what needs no disk, so that the figures are not lost with it.
  print(text_of(settings, document, json), failures);
  if (!settings.out_path.empty()) write_file(settings.out_path, json, failures);
  if (!settings.hgrm_path.empty()) {
    write_file(settings.hgrm_path, measure::percentile_table(latency_of(document), us_per_recorded),
               failures);
  }
  if (!settings.hdr_log_path.empty()) {
    write_file(settings.hdr_log_path, interval_log(document, results), failures);
  }
  if (!settings.histograms_dir.empty()) {
    write_histograms(settings.histograms_dir, document, results, failures);
  }
  return failures;
}

}  // namespace c1m::loadgen
