// Histograms count what happened, and no more; a trace is what Perfetto's format asks for.
#include "runtime/observation.hpp"

#include <algorithm>
#include <bit>
#include <map>
#include <set>
#include <source_location>
#include <string>
#include <thread>
#include <vector>

#include <nlohmann/json.hpp>

#include "os/clock.hpp"
#include "runtime/blocking.hpp"
#include "runtime/channel.hpp"
#include "runtime/delay_histogram.hpp"
#include "runtime/runtime_fixture.hpp"
#include "runtime/sleep.hpp"
#include "runtime/spawn.hpp"
#include "runtime/virtual_clock.hpp"
#include "runtime/yield.hpp"

namespace c1m::runtime {
namespace {

TEST(DelayHistogramTest, KnowsEachValueToAnEighth) {
  for (os::Nanoseconds value = 0; value < INT64_MAX / 2; value += value / 4 + 1) {
    const std::size_t index = delay_buckets::index_of(value);
    ASSERT_LT(index, delay_buckets::count);
    EXPECT_GE(delay_buckets::upper_ns(index), value);
    if (index > 0) {
      EXPECT_LT(delay_buckets::upper_ns(index - 1), value);
    }
    EXPECT_LE(delay_buckets::upper_ns(index), value + value / 8 + 1);
  }
  EXPECT_LT(delay_buckets::index_of(INT64_MAX), delay_buckets::count);
}

TEST(DelayHistogramTest, GivesQuantiles) {
  DelayHistogram histogram;
  EXPECT_EQ(DelayCounts().at(0.5), 0);
  for (int i = 0; i < 90; ++i) histogram.add(1);
  for (int i = 0; i < 10; ++i) histogram.add(1000);
  DelayCounts counts;
  histogram.add_to(counts);
  EXPECT_EQ(counts.count, 100U);
  EXPECT_EQ(counts.sum_ns, 10'090U);
  EXPECT_EQ(counts.max_ns, 1000);
  EXPECT_EQ(counts.at(0.5), 1);
  EXPECT_EQ(counts.at(0.95), 1000);
  EXPECT_EQ(counts.at(1), 1000);
}

// In virtual time, in which who sleeps has parked before the time comes.
class ObservationTest : public RuntimeTest {
 protected:
  VirtualClock* clock() override { return &clock_; }

  // Two that send each other numbers, sleeps, a yield and a blocking call.
  static void do_a_bit_of_everything() {
    Channel<int> there;
    Channel<int> back;
    ASSERT_TRUE(spawn([&] {
      for (int i = 0; i < rounds; ++i) {
        ASSERT_TRUE(there.receive());
        ASSERT_TRUE(back.send(i));
      }
    }));
    for (int i = 0; i < rounds; ++i) {
      ASSERT_TRUE(there.send(i));
      ASSERT_TRUE(back.receive());
    }
    ASSERT_TRUE(sleep_for(os::ns_per_ms));
    yield();
    blocking([] {});
  }
  static constexpr int rounds = 50;

  VirtualClock clock_;
};
C1M_FOR_ALL_PROCESSOR_COUNTS(ObservationTest);

TEST_P(ObservationTest, HistogramsCountEachRunAndWait) {
  run([this] {
    do_a_bit_of_everything();
    ASSERT_TRUE(runtime().set_histograms(true));
    do_a_bit_of_everything();
    ASSERT_TRUE(runtime().set_histograms(false));
    do_a_bit_of_everything();
  });
  const RuntimeHistograms histograms = runtime().histograms();
  SCOPED_TRACE(to_text(histograms));
  const auto blocked = [&](WaitReason reason) {
    const auto found = histograms.blocked.find(reason);
    return found == histograms.blocked.end() ? DelayCounts() : found->second;
  };
  EXPECT_EQ(blocked(WaitReason::sleep).count, 1U);
  EXPECT_GT(blocked(WaitReason::sleep).max_ns, 0);
  EXPECT_EQ(blocked(WaitReason::blocking).count, 1U);
  const std::uint64_t for_channels =
      blocked(WaitReason::channel_send).count + blocked(WaitReason::channel_receive).count;
  EXPECT_GE(for_channels, 1U);
  EXPECT_LE(for_channels, 4U * rounds);
  EXPECT_FALSE(histograms.blocked.contains(WaitReason::mutex));
  // The spawn, the yield, and each wait but for those in the middle of which it was switched.
  EXPECT_GE(histograms.ready_to_run.count, for_channels + 2);
  // What still runs when it is switched off has not been counted.
  EXPECT_GE(histograms.run.count + GetParam(), histograms.ready_to_run.count);
  EXPECT_NE(to_text(histograms).find("sleep"), std::string::npos);
}

TEST_P(ObservationTest, TakesNothingWhileAllIsOff) {
  run([] { do_a_bit_of_everything(); });
  EXPECT_EQ(runtime().histograms().run.count, 0U);
  EXPECT_TRUE(runtime().trace().tracks.empty());
}

// --- the format of a trace -----------------------------------------------------------------------

using Json = nlohmann::json;

struct Slice {
  double begin_us;
  double end_us;
};

Json parsed(const Trace& trace) {
  std::string text;
  write_json(trace, [&text](std::string_view part) { text += part; });
  return Json::parse(text);
}

// Of the slices of one track each ends before the next begins, or lies within it.
void expect_nested(const std::vector<Slice>& slices) {
  std::vector<double> open;
  for (const Slice& slice : slices) {
    while (!open.empty() && open.back() <= slice.begin_us) open.pop_back();
    if (!open.empty()) {
      ASSERT_LE(slice.end_us, open.back());
    }
    open.push_back(slice.end_us);
  }
}

bool is_in_one(const std::vector<Slice>& slices, double at_us) {
  return std::ranges::any_of(slices, [at_us](const Slice& slice) {
    return slice.begin_us <= at_us && at_us <= slice.end_us;
  });
}

class TraceReader {
 public:
  explicit TraceReader(const Json& document) { read_all(document); }

  std::size_t arrows() const { return ends_.size(); }
  const std::map<std::string, int>& names() const { return names_; }
  const std::map<std::string, int>& waits() const { return waits_; }
  const std::set<int>& threads() const { return threads_; }

 private:
  void read_all(const Json& document) {
    for (const Json& event : document.at("traceEvents")) read(event);
    for (const auto& [thread, slices] : slices_) expect_nested(slices);
    for (const auto& [id, at_us] : ends_) {
      ASSERT_TRUE(starts_.contains(id)) << "the end of arrow " << id << " has no start";
      EXPECT_LE(starts_.at(id), at_us) << "an arrow goes forward";
    }
    EXPECT_EQ(starts_.size(), ends_.size()) << "a start without an end is left out";
    EXPECT_TRUE(open_waits_.empty());
  }

  void read(const Json& event) {
    const std::string phase = event.at("ph");
    ASSERT_EQ(event.at("pid"), 1);
    if (phase == "M") {
      if (event.at("name") == "thread_name") threads_.insert(event.at("tid").get<int>());
      return;
    }
    const int thread = event.at("tid");
    const double at_us = event.at("ts");
    ASSERT_GE(at_us, last_us_) << "in the order of time";
    last_us_ = at_us;
    if (phase == "X") {
      ASSERT_TRUE(threads_.contains(thread)) << "a track has a name";
      ASSERT_GE(event.at("dur").get<double>(), 0);
      slices_[thread].push_back({at_us, at_us + event.at("dur").get<double>()});
      ++names_[event.at("cat").get<std::string>()];
    } else if (phase == "s" || phase == "f") {
      auto& places = phase == "s" ? starts_ : ends_;
      ASSERT_TRUE(places.emplace(event.at("id"), at_us).second) << "an id is used once";
      ASSERT_TRUE(is_in_one(slices_[thread], at_us)) << "an arrow stands in a slice";
      ASSERT_TRUE(phase == "s" || event.at("bp") == "e");
    } else if (phase == "b") {
      ASSERT_TRUE(open_waits_.insert(event.at("id")).second) << "one wait at a time";
      ++waits_[event.at("name")];
    } else {
      ASSERT_EQ(phase, "e");
      ASSERT_EQ(open_waits_.erase(event.at("id")), 1U);
    }
  }

  double last_us_ = 0;
  std::set<int> threads_;
  std::map<int, std::vector<Slice>> slices_;
  std::map<std::string, double> starts_;
  std::map<std::string, double> ends_;
  std::set<std::string> open_waits_;
  std::map<std::string, int> names_;
  std::map<std::string, int> waits_;
};

TEST_P(ObservationTest, ATraceHasSlicesThatNestAndArrowsFromWakeToRun) {
  os::Nanoseconds started_ns = 0;
  run([this, &started_ns] {
    started_ns = os::monotonic_ns();
    ASSERT_TRUE(runtime().start_trace());
    EXPECT_EQ(runtime().start_trace().error().code, EALREADY);
    do_a_bit_of_everything();
    runtime().stop_trace();
    do_a_bit_of_everything();
  });
  const Trace trace = runtime().trace();
  EXPECT_EQ(trace.dropped(), 0U);
  const TraceReader reader(parsed(trace));
  EXPECT_GE(reader.arrows(), 2U) << "the spawn, the end of the sleep";
  EXPECT_GE(reader.names().at("run"), 3);
  EXPECT_EQ(reader.waits().at("sleep"), 1);
  EXPECT_EQ(reader.waits().at("blocking call"), 1);
  EXPECT_EQ(reader.threads().size(), trace.tracks.size()) << "each has its own";
  EXPECT_LE(trace.tracks.size(), GetParam() + 1);
  for (const TraceTrack& track : trace.tracks) {
    for (const TraceEvent& event : track.events) EXPECT_GE(event.begin_ns, started_ns);
  }
}

TEST_P(ObservationTest, ATraceShowsWhoWasWokenByAnotherThread) {
  Channel<int> numbers;
  std::thread sender;
  run([&] {
    ASSERT_TRUE(runtime().start_trace());
    sender = std::thread([&] { ASSERT_TRUE(numbers.send(1)); });
    while (!numbers.try_receive()) yield();
    sender.join();
    sender = std::thread([&] {
      while (runtime().dump().count_of(CoroutineState::waiting) == 0) std::this_thread::yield();
      ASSERT_TRUE(numbers.send(2));
    });
    EXPECT_EQ(*numbers.receive(), 2);
    yield();
    runtime().stop_trace();
  });
  sender.join();
  const Trace trace = runtime().trace();
  const TraceReader reader(parsed(trace));
  const auto others =
      std::ranges::find(trace.tracks, TraceTrack::other_threads, &TraceTrack::processor);
  ASSERT_NE(others, trace.tracks.end());
  EXPECT_EQ(others->events.size(), 1U);
  EXPECT_GE(reader.arrows(), 1U);
}

TEST_P(ObservationTest, WhatDoesNotFitIsCountedAndTheRestIsWhole) {
  run([this] {
    EXPECT_EQ(runtime().start_trace({.events_per_processor = 0}).error().code, EINVAL);
    ASSERT_TRUE(runtime().start_trace({.events_per_processor = 20}));
    do_a_bit_of_everything();
    runtime().stop_trace();
  });
  const Trace trace = runtime().trace();
  EXPECT_GT(trace.dropped(), 0U);
  for (const TraceTrack& track : trace.tracks) EXPECT_LE(track.events.size(), 20U);
  const Json document = parsed(trace);
  EXPECT_EQ(document.at("otherData").at("dropped"), trace.dropped());
  const TraceReader reader(document);
}

TEST_P(ObservationTest, ASecondTraceReplacesTheFirst) {
  std::size_t events = 0;
  const auto count = [this] {
    std::size_t sum = 0;
    for (const TraceTrack& track : runtime().trace().tracks) sum += track.events.size();
    return sum;
  };
  run([&] {
    ASSERT_TRUE(runtime().start_trace({.events_per_processor = 100}));
    do_a_bit_of_everything();
    runtime().stop_trace();
    events = count();
    ASSERT_TRUE(runtime().start_trace({.events_per_processor = 1000}));
    yield();
    runtime().stop_trace();
  });
  EXPECT_GE(events, 10U);
  EXPECT_LE(count(), 5U);
}

TEST_P(ObservationTest, MayBeSwitchedWhileEverythingRuns) {
  std::atomic<bool> done = false;
  std::thread switcher([&] {
    while (!done.load()) {
      ASSERT_TRUE(runtime().set_histograms(true));
      ASSERT_TRUE(runtime().start_trace({.events_per_processor = 500}));
      std::this_thread::yield();
      ASSERT_FALSE(to_text(runtime().histograms()).empty());
      runtime().stop_trace();
      const TraceReader reader(parsed(runtime().trace()));
      ASSERT_TRUE(runtime().set_histograms(false));
    }
  });
  run([] {
    for (int i = 0; i < 20; ++i) {
      ASSERT_TRUE(spawn([] {
        for (int round = 0; round < 20; ++round) do_a_bit_of_everything();
      }));
    }
  });
  done.store(true);
  switcher.join();
}

// The last test of the file, because it gives the rest of its lines another file's name.
TEST(TraceJsonTest, EscapesWhatAFilesNameMayHave) {
#line 7 "my \"own\" \\ file.cpp"
  constexpr std::source_location where = std::source_location::current();
  const TraceEvent spawn{
      .spawned_at = std::bit_cast<const void*>(where), .coroutine = 1, .kind = TraceKind::spawn};
  const Trace trace{.tracks = {TraceTrack{.processor = 0, .events = {spawn}}}};
  const Json event = parsed(trace).at("traceEvents").back();
  EXPECT_EQ(event.at("args").at("spawned_at"), "my \"own\" \\ file.cpp:7");
}

}  // namespace
}  // namespace c1m::runtime
