// The events of a trace as JSON; see trace.hpp. A fixed schema of numbers and of names that need
// little escaping, written by hand: the runtime stands on os/ alone, and the documents of
// measurements, which have another writer (measure/), are not its business.
#include <algorithm>
#include <array>
#include <bit>
#include <cstdio>
#include <source_location>
#include <string>
#include <unordered_map>

#include "runtime/trace.hpp"

namespace c1m::runtime {
namespace {

// Of a wake-up, which takes no time, so that an arrow has a slice to start from. Times on a track
// differ by at least so much (observation.cpp).
constexpr os::Nanoseconds instant_ns = 1;

constexpr int process = 1;
constexpr std::uint32_t thread_of_others = 1000;  // beyond any processor's

std::uint32_t thread_of(const TraceTrack& track) {
  return track.processor == TraceTrack::other_threads ? thread_of_others : track.processor + 1;
}

bool is_run(TraceKind kind) {
  return kind == TraceKind::run_until_park || kind == TraceKind::run_until_yield ||
         kind == TraceKind::run_until_end;
}

std::string escaped(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (static_cast<unsigned char>(c) < 0x20) {
      out += ' ';
    } else {
      out += c;
    }
  }
  return out;
}

// One line of the file.
struct Line {
  os::Nanoseconds at_ns;
  int rank;  // of lines at the same time: what encloses others comes first
  std::string text;
};

class Writer {
 public:
  explicit Writer(const Trace& trace) : trace_(trace) {
    bool first = true;
    for (const TraceTrack& track : trace.tracks) {
      for (const TraceEvent& event : track.events) {
        if (first || event.begin_ns < origin_ns_) origin_ns_ = event.begin_ns;
        first = false;
        if (event.flow != 0) ++(is_run(event.kind) ? ends_ : starts_)[event.flow];
      }
    }
  }

  void write(const std::function<void(std::string_view)>& write) {
    for (const TraceTrack& track : trace_.tracks) {
      for (const TraceEvent& event : track.events) add(event, thread_of(track));
    }
    std::ranges::stable_sort(lines_, [](const Line& left, const Line& right) {
      return std::pair(left.at_ns, left.rank) < std::pair(right.at_ns, right.rank);
    });
    write(R"({"displayTimeUnit":"ns","otherData":{"dropped":)" + std::to_string(trace_.dropped()) +
          "},\"traceEvents\":[\n");
    write(R"({"ph":"M","pid":1,"name":"process_name","args":{"name":"c1m runtime"}})");
    for (const TraceTrack& track : trace_.tracks) write(",\n" + name_of_track(track));
    for (const Line& line : lines_) write(",\n" + line.text);
    write("\n]}\n");
  }

 private:
  void add(const TraceEvent& event, std::uint32_t thread) {
    const std::string who = "coroutine " + std::to_string(event.coroutine);
    switch (event.kind) {
      case TraceKind::run_until_park:
        add_run(event, thread, who, runtime::name_of(event.reason));
        break;
      case TraceKind::run_until_yield:
        add_run(event, thread, who, "yield");
        break;
      case TraceKind::run_until_end:
        add_run(event, thread, who, "end");
        break;
      case TraceKind::wait:
        add_wait(event);
        break;
      case TraceKind::wake:
        add_instant(event, thread, "wake " + who, "");
        break;
      case TraceKind::spawn: {
        const auto where = std::bit_cast<std::source_location>(event.spawned_at);
        add_instant(event, thread, "spawn " + who,
                    R"(,"spawned_at":")" + escaped(where.file_name()) + ":" +
                        std::to_string(where.line()) + "\"");
        break;
      }
    }
  }

  void add_run(const TraceEvent& event, std::uint32_t thread, const std::string& who,
               const char* then) {
    put(event.begin_ns, 0,
        head("X", event.begin_ns, thread) + duration(event.end_ns - event.begin_ns) +
            R"(,"name":")" + who + R"(","cat":"run","args":{"coroutine":)" +
            std::to_string(event.coroutine) + R"(,"then":")" + then + R"("}})");
    if (event.flow != 0 && starts_.contains(event.flow)) {
      put(event.begin_ns, 2,
          head("f", event.begin_ns, thread) + flow(event.flow) + R"(,"bp":"e"})");
    }
  }

  void add_instant(const TraceEvent& event, std::uint32_t thread, const std::string& name,
                   const std::string& more) {
    put(event.begin_ns, 1,
        head("X", event.begin_ns, thread) + duration(instant_ns) + R"(,"name":")" + name +
            R"(","cat":"wake","args":{"coroutine":)" + std::to_string(event.coroutine) + more +
            "}}");
    if (event.flow != 0 && ends_.contains(event.flow)) {
      put(event.begin_ns, 2, head("s", event.begin_ns, thread) + flow(event.flow) + "}");
    }
  }

  // A span of the coroutine's own, which may begin on one track and end on another.
  void add_wait(const TraceEvent& event) {
    const std::string common = R"(,"cat":"wait","id":")" + std::to_string(event.coroutine) +
                               R"(","name":")" + runtime::name_of(event.reason) + R"("})";
    put(event.begin_ns, 3, head("b", event.begin_ns, thread_of_waits) + common);
    put(std::max(event.end_ns, event.begin_ns), 3,
        head("e", std::max(event.end_ns, event.begin_ns), thread_of_waits) + common);
  }

  void put(os::Nanoseconds at_ns, int rank, std::string text) {
    lines_.push_back({.at_ns = at_ns, .rank = rank, .text = std::move(text)});
  }

  // Microseconds, as the format wants, with all digits of a nanosecond.
  static std::string microseconds(os::Nanoseconds duration_ns) {
    std::array<char, 48> text;
    std::snprintf(text.data(), text.size(), "%lld.%03d",
                  static_cast<long long>(duration_ns / os::ns_per_us),
                  static_cast<int>(duration_ns % os::ns_per_us));
    return text.data();
  }
  static std::string duration(os::Nanoseconds duration_ns) {
    return ",\"dur\":" + microseconds(duration_ns);
  }
  [[nodiscard]] std::string head(const char* phase, os::Nanoseconds at_ns,
                                 std::uint32_t thread) const {
    return std::string(R"({"ph":")") + phase + R"(","pid":)" + std::to_string(process) +
           ",\"tid\":" + std::to_string(thread) + ",\"ts\":" + microseconds(at_ns - origin_ns_);
  }
  static std::string flow(std::uint64_t number) {
    return R"(,"name":"wake","cat":"wake","id":")" + std::to_string(number) + "\"";
  }
  static std::string name_of_track(const TraceTrack& track) {
    const std::string name = track.processor == TraceTrack::other_threads
                                 ? "other threads"
                                 : "processor " + std::to_string(track.processor);
    return R"({"ph":"M","pid":1,"tid":)" + std::to_string(thread_of(track)) +
           R"(,"name":"thread_name","args":{"name":")" + name + "\"}}";
  }

  static constexpr std::uint32_t thread_of_waits = 0;

  const Trace& trace_;
  os::Nanoseconds origin_ns_ = 0;
  std::unordered_map<std::uint64_t, int> starts_;
  std::unordered_map<std::uint64_t, int> ends_;
  std::vector<Line> lines_;
};

}  // namespace

std::uint64_t Trace::dropped() const {
  std::uint64_t sum = 0;
  for (const TraceTrack& track : tracks) sum += track.dropped;
  return sum;
}

void write_json(const Trace& trace, const std::function<void(std::string_view)>& write) {
  Writer(trace).write(write);
}

}  // namespace c1m::runtime
