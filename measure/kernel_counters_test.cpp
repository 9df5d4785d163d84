// The kernel's texts are read as it prints them, and damaged ones give no figure at all.
#include "measure/kernel_counters.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace c1m::measure {
namespace {

// Shortened from Linux 6.18; the order of the fields differs between kernels.
constexpr const char* netstat =
    "TcpExt: SyncookiesSent SyncookiesRecv EmbryonicRsts ListenOverflows ListenDrops TCPTimeouts\n"
    "TcpExt: 11 12 13 14 15 16\n"
    "IpExt: InNoRoutes InTruncatedPkts ListenDrops\n"
    "IpExt: 21 22 23\n";
constexpr const char* snmp =
    "Ip: Forwarding DefaultTTL\n"
    "Ip: 2 64\n"
    "Tcp: RtoAlgorithm RtoMin MaxConn ActiveOpens RetransSegs InErrs\n"
    "Tcp: 1 200 -1 100 77 0\n";

TEST(NetField, IsFoundByTableAndName) {
  EXPECT_EQ(parse_net_field(netstat, "TcpExt", "ListenOverflows"), 14U);
  EXPECT_EQ(parse_net_field(netstat, "TcpExt", "SyncookiesSent"), 11U);
  EXPECT_EQ(parse_net_field(netstat, "IpExt", "ListenDrops"), 23U);
  EXPECT_EQ(parse_net_field(snmp, "Tcp", "RetransSegs"), 77U);
}

TEST(NetField, IsAbsentWhenTheTextLacksIt) {
  EXPECT_EQ(parse_net_field(netstat, "TcpExt", "NoSuchField"), std::nullopt);
  EXPECT_EQ(parse_net_field(netstat, "NoSuchTable", "ListenDrops"), std::nullopt);
  EXPECT_EQ(parse_net_field(snmp, "Tcp", "MaxConn"), std::nullopt) << "a negative value is none";
  EXPECT_EQ(parse_net_field("TcpExt: A B\nTcpExt: 1\n", "TcpExt", "B"), std::nullopt);
  EXPECT_EQ(parse_net_field("TcpExt: A B\n", "TcpExt", "A"), std::nullopt);
  EXPECT_EQ(parse_net_field("", "TcpExt", "A"), std::nullopt);
}

TEST(SoftnetDrops, SumsTheSecondColumnInHexadecimal) {
  EXPECT_EQ(parse_softnet_drops("00000013 0000000a 00000000\n00001eab 00000001 00000000\n"), 11U);
  EXPECT_EQ(parse_softnet_drops("00000013\n"), std::nullopt);
  EXPECT_EQ(parse_softnet_drops(""), std::nullopt);
}

TEST(ConntrackDrops, SumsItsThreeCountersOverAllCpus) {
  constexpr const char* text =
      "entries  clashres found new invalid ignore delete chainlength insert insert_failed drop "
      "early_drop icmp_error\n"
      "00000005 00000000 00000000 00000000 0000000a 00000000 00000000 00000000 00000000 00000001 "
      "00000002 00000010 00000000\n"
      "00000005 00000000 00000000 00000000 0000000b 00000000 00000000 00000000 00000000 00000000 "
      "00000003 00000000 00000000\n";
  EXPECT_EQ(parse_conntrack_drops(text), 1U + 2U + 16U + 3U);
  EXPECT_EQ(parse_conntrack_drops("entries drop\n00000005 00000001\n"), std::nullopt);
  EXPECT_EQ(parse_conntrack_drops("entries\n"), std::nullopt);
}

TEST(MachineTicks, SumEightFieldsAndNoGuestTime) {
  EXPECT_EQ(parse_machine_ticks("cpu  1 2 3 4 5 6 7 80 900 900\ncpu0 1 1 1 1 1 1 1 1 1 1\n"),
            (MachineTicks{.total = 108, .steal = 80}));
  EXPECT_EQ(parse_machine_ticks("cpu  1 2 3 4\n"), std::nullopt);
  EXPECT_EQ(parse_machine_ticks("intr 1 2 3 4 5 6 7 8 9\n"), std::nullopt);
}

TEST(Throttled, IsReadInBothVersionsOfControlGroups) {
  EXPECT_EQ(parse_throttled_us("usage_usec 5\nnr_periods 1\nnr_throttled 1\nthrottled_usec 42\n"),
            42U);
  EXPECT_EQ(parse_throttled_us("nr_periods 1\nnr_throttled 1\nthrottled_time 42999\n"), 42U);
  EXPECT_EQ(parse_throttled_us("usage_usec 5\n"), std::nullopt) << "no quota is set";
}

TEST(CpuStatPaths, AreThoseOfTheGroupAndAllAboveIt) {
  EXPECT_THAT(
      cpu_stat_paths("0::/user.slice/session\n"),
      testing::ElementsAre("/sys/fs/cgroup/user.slice/session/cpu.stat",
                           "/sys/fs/cgroup/user.slice/cpu.stat", "/sys/fs/cgroup/cpu.stat"));
  EXPECT_THAT(
      cpu_stat_paths("4:memory:/a\n2:cpu,cpuacct:/box\n"),
      testing::ElementsAre("/sys/fs/cgroup/cpu/box/cpu.stat", "/sys/fs/cgroup/cpu/cpu.stat"));
  EXPECT_THAT(cpu_stat_paths("3:cpuset:/x\n"), testing::IsEmpty());
  EXPECT_THAT(cpu_stat_paths("nonsense\n"), testing::IsEmpty());
}

TEST(KernelCounters, AreThereOrSayWhyNot) {
  const KernelCounters counters = read_kernel_counters();
  const auto is_explained = [&](const char* name, bool has_value) {
    EXPECT_NE(has_value, counters.unavailable.contains(name)) << name;
  };
  is_explained("listen_overflows", counters.listen_overflows.has_value());
  is_explained("listen_drops", counters.listen_drops.has_value());
  is_explained("syn_queue_drops", counters.syn_queue_drops.has_value());
  is_explained("syn_cookies_sent", counters.syn_cookies_sent.has_value());
  is_explained("tcp_retransmits", counters.tcp_retransmits.has_value());
  is_explained("softnet_drops", counters.softnet_drops.has_value());
  is_explained("conntrack_drops", counters.conntrack_drops.has_value());
  is_explained("steal_fraction", counters.machine_ticks.has_value());
  is_explained("throttled_us", counters.throttled_us.has_value());
  EXPECT_TRUE(counters.realtime_offset_ns.has_value());
}

}  // namespace
}  // namespace c1m::measure
