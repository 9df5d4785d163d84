// Texts as kernels print them, and a meter that really sleeps on the CPUs of this machine.
#include "measure/platform_meter.hpp"

#include <algorithm>
#include <thread>

#include <gtest/gtest.h>

namespace c1m::measure {
namespace {

TEST(StealTicks, AreSummedOverTheCpusAskedFor) {
  const char* text =
      "cpu  10 0 10 80 0 0 0 900 0 0\n"
      "cpu0 5 0 5 40 0 0 0 3 0 0\n"
      "cpu1 5 0 5 40 0 0 0 4 0 0\n"
      "cpu10 5 0 5 40 0 0 0 500 0 0\n"
      "intr 12345\n";
  EXPECT_EQ(parse_steal_ticks(text, {0}), 3U);
  EXPECT_EQ(parse_steal_ticks(text, {0, 1}), 7U);
  EXPECT_EQ(parse_steal_ticks(text, {10}), 500U);
  EXPECT_EQ(parse_steal_ticks(text, {2}), std::nullopt) << "offline";
  EXPECT_EQ(parse_steal_ticks("cpu0 5 0 5 40\n", {0}), std::nullopt);
}

TEST(Pressure, IsTheTotalOfSome) {
  const char* text =
      "some avg10=84.34 avg60=73.40 avg300=43.95 total=231363822\n"
      "full avg10=0.00 avg60=0.00 avg300=0.00 total=17\n";
  EXPECT_EQ(parse_pressure_us(text), 231'363'822U);
  EXPECT_EQ(parse_pressure_us("full avg10=0 total=17\n"), std::nullopt);
  EXPECT_EQ(parse_pressure_us("some avg10=0 total=x\n"), std::nullopt);
}

TEST(PlatformMeter, SleepsOnEachCpuAndSaysWhatItCannotRead) {
  const auto cpus = os::allowed_cpus();
  ASSERT_TRUE(cpus);
  auto meter = PlatformMeter::start(*cpus, os::ns_per_ms);
  ASSERT_TRUE(meter);
  std::this_thread::sleep_for(std::chrono::milliseconds(250));
  const auto meters = (*meter)->stop();
  ASSERT_EQ(meters.size(), cpus->size() + platform_kinds.size());
  for (std::size_t at = 0; at < cpus->size(); ++at) {
    EXPECT_EQ(meters[at].kind, "hiccup");
    EXPECT_EQ(meters[at].cpu, (*cpus)[at]);
    ASSERT_TRUE(meters[at].histograms.contains("delay_us"));
    EXPECT_GT(meters[at].histograms.at("delay_us").count(), 0U);
  }
  for (std::size_t at = cpus->size(); at < meters.size(); ++at) {
    EXPECT_EQ(meters[at].kind, platform_kinds[at - cpus->size()]);
    EXPECT_NE(meters[at].histograms.contains("lost_us"), meters[at].unavailable.contains("lost_us"))
        << meters[at].kind;
  }
}

TEST(PlatformMeter, ACpuThatIsNotThereIsNamed) {
  auto meter = PlatformMeter::start({8191}, os::ns_per_ms);
  ASSERT_TRUE(meter);
  const auto meters = (*meter)->stop();
  EXPECT_FALSE(meters[0].histograms.contains("delay_us"));
  EXPECT_TRUE(meters[0].unavailable.contains("delay_us"));
}

}  // namespace
}  // namespace c1m::measure
