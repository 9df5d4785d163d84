// The servers' command line: what each flag means, and one sentence for everything that is wrong
// with it.
#include "servers/app/server_flags.hpp"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "os/exit_code.hpp"

namespace c1m::servers::app {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr Backend workers{
    .name = "uv", .program = "c1m-uv", .summary = "Loops.", .has_processors = true};
constexpr Backend threads{.name = "threads",
                          .program = "c1m-threads",
                          .summary = "Threads.",
                          .thread_per_connection = true};
constexpr Backend coroutines{.name = "coro",
                             .program = "c1m-coro",
                             .summary = "Coroutines.",
                             .has_processors = true,
                             .has_coroutines = true,
                             .has_pollers = true};

std::expected<ServerOptions, EarlyExit> parse(std::vector<const char*> flags,
                                              const Backend& backend = workers) {
  flags.insert(flags.begin(), backend.program.data());
  return parse_server_flags(backend, static_cast<int>(flags.size()), flags.data());
}

std::expected<ServerOptions, EarlyExit> parse_listening(std::vector<const char*> flags,
                                                        const Backend& backend = workers) {
  flags.insert(flags.begin(), {"--listen", "127.0.0.1:7000"});
  return parse(std::move(flags), backend);
}

TEST(ServerFlags, DefaultsAreThoseOfTheDocumentation) {
  const auto options = parse_listening({});
  ASSERT_TRUE(options) << options.error().text;
  EXPECT_EQ(options->listen.to_string(), "127.0.0.1:7000");
  EXPECT_EQ(options->shards, 1U);
  EXPECT_EQ(options->connections, 10'000U);
  EXPECT_EQ(options->processors, 1U);
  EXPECT_FALSE(options->cpus);
  EXPECT_FALSE(options->ready_file);
  EXPECT_FALSE(options->stats_file);
  EXPECT_FALSE(options->admin);
  EXPECT_EQ(options->stats_interval_ns, os::ns_per_s);
  EXPECT_EQ(options->read_buffer_bytes, 4096U);
  EXPECT_EQ(options->send_buffer_bytes, 0);
  EXPECT_EQ(options->receive_buffer_bytes, 0);
  EXPECT_EQ(options->thread_stack_bytes, 65'536U);
  EXPECT_EQ(options->coroutine_stack_bytes, 65'536U);
  EXPECT_EQ(options->poller, PollerChoice::epoll);
  EXPECT_EQ(options->stacks, StackChoice::dedicated);
}

TEST(ServerFlags, PausesHaveAFileAndAThreshold) {
  const auto off = parse_listening({});
  ASSERT_TRUE(off);
  EXPECT_FALSE(off->pauses_file);
  const auto on = parse_listening({"--pauses", "p.json", "--pause-threshold", "5ms"});
  ASSERT_TRUE(on) << on.error().text;
  EXPECT_EQ(on->pauses_file, "p.json");
  EXPECT_EQ(on->pause_tick_ns, 5 * os::ns_per_ms);
  const auto alone = parse_listening({"--pause-threshold", "5ms"});
  ASSERT_FALSE(alone);
  EXPECT_THAT(alone.error().text, HasSubstr("--pause-threshold: has no meaning without --pauses"));
  for (const char* wrong : {"100us", "2s", "soon"}) {
    const auto options = parse_listening({"--pauses", "p.json", "--pause-threshold", wrong});
    ASSERT_FALSE(options) << wrong;
    EXPECT_EQ(options.error().exit_code, os::exit_wrong_usage);
    EXPECT_THAT(options.error().text, HasSubstr(wrong));
  }
}

TEST(ServerFlags, TakesEveryFlag) {
  const auto options = parse_listening({"--protocol",
                                        "echo",
                                        "--shards",
                                        "3",
                                        "--connections",
                                        "5",
                                        "--processors",
                                        "2",
                                        "--cpus",
                                        "0-1,4",
                                        "--ready-file",
                                        "r.json",
                                        "--stats-file",
                                        "s.jsonl",
                                        "--stats-interval",
                                        "250ms",
                                        "--admin",
                                        "[::1]:9100",
                                        "--read-buffer",
                                        "16KiB",
                                        "--send-buffer",
                                        "1MiB",
                                        "--receive-buffer",
                                        "8192",
                                        "--coroutine-stack",
                                        "32KiB"},
                                       coroutines);
  ASSERT_TRUE(options) << options.error().text;
  EXPECT_EQ(options->shards, 3U);
  EXPECT_EQ(options->connections, 5U);
  EXPECT_EQ(options->processors, 2U);
  EXPECT_EQ(options->cpus, (os::CpuSet{0, 1, 4}));
  EXPECT_EQ(options->ready_file, "r.json");
  EXPECT_EQ(options->stats_file, "s.jsonl");
  EXPECT_EQ(options->stats_interval_ns, 250 * os::ns_per_ms);
  EXPECT_EQ(options->admin->to_string(), "[::1]:9100");
  EXPECT_EQ(options->read_buffer_bytes, 16'384U);
  EXPECT_EQ(options->send_buffer_bytes, 1'048'576);
  EXPECT_EQ(options->receive_buffer_bytes, 8'192);
  EXPECT_EQ(options->coroutine_stack_bytes, 32'768U);
}

TEST(ServerFlags, AutoShardsAreLeftToThePlan) {
  const auto options = parse_listening({"--shards=auto"});
  ASSERT_TRUE(options);
  EXPECT_FALSE(options->shards);
}

struct Refused {
  std::vector<const char*> flags;
  const char* sentence;  // a part of it
};

class ServerFlagsRefuse : public testing::TestWithParam<Refused> {};

TEST_P(ServerFlagsRefuse, InOneSentenceWithExitCode2) {
  const auto options = parse(GetParam().flags);
  ASSERT_FALSE(options);
  EXPECT_EQ(options.error().exit_code, os::exit_wrong_usage);
  EXPECT_THAT(options.error().text, testing::StartsWith("c1m-uv: "));
  EXPECT_THAT(options.error().text, HasSubstr(GetParam().sentence));
  EXPECT_EQ(options.error().text.find('\n'), options.error().text.size() - 1)
      << options.error().text;
}

INSTANTIATE_TEST_SUITE_P(
    WhatIsWrong, ServerFlagsRefuse,
    testing::Values(
        Refused{{}, "--listen is required"}, Refused{{"--listen"}, "--listen"},
        Refused{{"--listen", "7000"}, "--listen: '7000' is not HOST:PORT"},
        Refused{{"--listen", "127.0.0.1:70000"}, "the port must be a number from 0 to 65535"},
        Refused{{"--listen", "::1:7000"}, "write an IPv6 address in brackets"},
        Refused{{"--listen", "[::1]:1", "--wrong"}, "--wrong"},
        Refused{{"--listen", "[::1]:1", "extra"}, "extra"},
        Refused{{"--listen", "[::1]:1", "--protocol", "ftp"},
                "--protocol: 'ftp' is not spoken here; allowed: echo, ws"},
        Refused{{"--listen", "[::1]:1", "--pong-timeout", "31s"},
                "--pong-timeout: '31s' is longer than --ping-interval 30s"},
        Refused{{"--listen", "[::1]:1", "--max-message", "2GiB"},
                "--max-message: '2GiB' is out of range: 1 to 1073741824"},
        Refused{{"--listen", "[::1]:1", "--max-fragments", "0"},
                "--max-fragments: '0' is out of range: 1 to 4294967295"},
        Refused{{"--listen", "[::1]:1", "--shards", "0"},
                "--shards: '0' is out of range: 1 to 4096"},
        Refused{{"--listen", "[::1]:1", "--shards", "many"},
                "--shards: 'many' is not a whole number"},
        Refused{{"--listen", "[::1]:1", "--connections", "0"},
                "--connections: '0' is out of range: 1 to 100000000"},
        Refused{{"--listen", "[::1]:1", "--connections", "99999999999999999999"},
                "is out of range"},
        Refused{{"--listen", "[::1]:1", "--connections", "-5"},
                "--connections: '-5' is not a whole number"},
        Refused{{"--listen", "[::1]:1", "--connections", "5.5"}, "'5.5' is not a whole number"},
        Refused{{"--listen", "[::1]:1", "--processors", "257"},
                "--processors: '257' is out of range: 1 to 256"},
        Refused{{"--listen", "[::1]:1", "--cpus", "1-0"}, "--cpus: '1-0' is not a list of CPUs"},
        Refused{{"--listen", "[::1]:1", "--stats-interval", "5"},
                "--stats-interval: '5' is not a duration"},
        Refused{{"--listen", "[::1]:1", "--stats-interval", "1ms"},
                "'1ms' is out of range: 10 ms to 3600 s"},
        Refused{{"--listen", "[::1]:1", "--admin", "9100"}, "--admin: '9100' is not HOST:PORT"},
        Refused{{"--listen", "[::1]:1", "--read-buffer", "64KB"},
                "--read-buffer: '64KB' is not a size"},
        Refused{{"--listen", "[::1]:1", "--read-buffer", "63"},
                "'63' is out of range: 64 to 16777216"},
        Refused{{"--listen", "[::1]:1", "--send-buffer", "2GiB"},
                "--send-buffer: '2GiB' is out of range"},
        Refused{{"--listen", "[::1]:1", "--thread-stack", "64KiB"}, "--thread-stack"}));

TEST(ServerFlags, StackFlagsExistWhereThereAreSuchStacks) {
  EXPECT_EQ(parse_listening({"--thread-stack", "128KiB"}, threads)->thread_stack_bytes, 131'072U);
  EXPECT_FALSE(parse_listening({"--thread-stack", "1"}, threads))
      << "below the C library's minimum";
  EXPECT_FALSE(parse_listening({"--coroutine-stack", "128KiB"}, threads));
  EXPECT_FALSE(parse_listening({"--coroutine-stack", "1KiB"}, coroutines));
}

TEST(ServerFlags, APollerIsChosenWhereThereIsAChoice) {
  EXPECT_EQ(parse_listening({"--poller", "io_uring"}, coroutines)->poller, PollerChoice::io_uring);
  EXPECT_EQ(parse_listening({"--poller", "epoll"}, coroutines)->poller, PollerChoice::epoll);
  const auto refused = parse_listening({"--poller", "kqueue"}, coroutines);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().text,
              HasSubstr("--poller: 'kqueue' is no poller; allowed: epoll, io_uring"));
  EXPECT_FALSE(parse_listening({"--poller", "epoll"}, workers));
}

TEST(ServerFlags, StacksAreChosenWhereThereAreCoroutines) {
  EXPECT_EQ(parse_listening({"--stacks", "compact"}, coroutines)->stacks, StackChoice::compact);
  EXPECT_EQ(parse_listening({"--stacks", "dedicated"}, coroutines)->stacks, StackChoice::dedicated);
  const auto refused = parse_listening({"--stacks", "shared"}, coroutines);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().text,
              HasSubstr("--stacks: 'shared' is no kind of stacks; allowed: dedicated, compact"));
  EXPECT_FALSE(parse_listening({"--stacks", "compact"}, workers));
}

TEST(ServerFlags, StacksOfIdleConnectionsAreFrozenOnRequest) {
  EXPECT_FALSE(parse_listening({}, coroutines)->freeze.is_on());
  const auto freeze = [](const char* when) {
    return parse_listening({"--freeze-idle-after", "10s", "--freeze-when", when}, coroutines);
  };
  const auto plain = parse_listening({"--freeze-idle-after", "1.5s"}, coroutines);
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->freeze.idle_ns, 1'500 * os::ns_per_ms);
  EXPECT_EQ(plain->freeze.when, FreezeChoice::pressure);
  EXPECT_EQ(freeze("pressure")->freeze.when, FreezeChoice::pressure);
  EXPECT_EQ(freeze("always")->freeze.when, FreezeChoice::always);
  EXPECT_EQ(freeze("2GiB")->freeze.when, FreezeChoice::above);
  EXPECT_EQ(freeze("2GiB")->freeze.above_bytes, 2ULL << 30);
}

TEST(ServerFlags, FreezingThatMakesNoSenseIsRefused) {
  const auto refused = [](const std::vector<const char*>& flags) {
    const auto options = parse_listening(flags, coroutines);
    return options ? std::string() : options.error().text;
  };
  EXPECT_THAT(refused({"--freeze-when", "always"}),
              HasSubstr("--freeze-when: has no meaning without --freeze-idle-after"));
  EXPECT_THAT(refused({"--freeze-idle-after", "10s", "--stacks", "compact"}),
              HasSubstr("--freeze-idle-after: is for --stacks dedicated"));
  EXPECT_THAT(refused({"--freeze-idle-after", "10s", "--freeze-when", "never"}),
              HasSubstr("--freeze-when: 'never' is neither pressure nor always nor a size"));
  EXPECT_THAT(refused({"--freeze-idle-after", "10s", "--freeze-when", "1"}),
              HasSubstr("--freeze-when: '1' is out of range"));
  EXPECT_THAT(refused({"--freeze-idle-after", "1ms"}),
              HasSubstr("--freeze-idle-after: '1ms' is out of range"));
  EXPECT_FALSE(parse_listening({"--freeze-idle-after", "10s"}, workers));
}

TEST(ServerFlags, ABuildThatCannotShareStacksRunsDedicatedOnes) {
  Backend sharing = coroutines;
  sharing.has_compact_stacks = true;
  EXPECT_EQ(sharing.stacks_in_use(StackChoice::compact), StackChoice::compact);
  EXPECT_EQ(sharing.stacks_in_use(StackChoice::dedicated), StackChoice::dedicated);
  EXPECT_EQ(coroutines.stacks_in_use(StackChoice::compact), StackChoice::dedicated);
}

TEST(ServerFlags, HelpSaysWhereProcessorsMeanNothing) {
  const auto help = parse({"--help"}, threads);
  ASSERT_FALSE(help);
  EXPECT_EQ(help.error().exit_code, os::exit_good);
  EXPECT_THAT(help.error().text,
              HasSubstr("Ignored: this server has a thread for each connection"));
  EXPECT_THAT(help.error().text, HasSubstr("--thread-stack"));
  EXPECT_THAT(parse({"--help"}).error().text, Not(HasSubstr("Ignored")));
  EXPECT_TRUE(parse_listening({"--processors", "4"}, threads))
      << "accepted, so that one script serves all";
}

TEST(ServerFlags, VersionNamesTheProgramAndTheCommit) {
  const auto version = parse({"--version"});
  ASSERT_FALSE(version);
  EXPECT_EQ(version.error().exit_code, os::exit_good);
  EXPECT_THAT(version.error().text, testing::StartsWith("c1m-uv "));
  EXPECT_THAT(version.error().text, HasSubstr("commit "));
}

TEST(ServerFlags, OfWebSocketHaveTheDefaultsOfTheirDocuments) {
  const auto options = parse_listening({"--protocol", "ws"});
  ASSERT_TRUE(options);
  EXPECT_EQ(options->protocol, ProtocolChoice::ws);
  const protocol::WebSocketSettings& settings = options->websocket;
  EXPECT_EQ(settings.times.handshake_ms, 10'000U);
  EXPECT_EQ(settings.times.ping_interval_ms, 30'000U);
  EXPECT_EQ(settings.times.pong_ms, 5'000U);
  EXPECT_EQ(settings.times.idle_ms, 0U);
  EXPECT_EQ(settings.message_bytes_max, 16U << 20);
  EXPECT_EQ(settings.fragments_max, 65'537U);
  EXPECT_TRUE(settings.upgrade.allowed_origins.empty());
  EXPECT_FALSE(settings.upgrade.may_deflate);
}

TEST(ServerFlags, OfWebSocketAreRead) {
  const auto options = parse_listening(
      {"--protocol", "ws", "--ping-interval", "0s", "--pong-timeout", "2s", "--idle-timeout", "1m",
       "--handshake-timeout", "500ms", "--max-message", "1KiB", "--max-fragments", "3",
       "--allowed-origin", "http://a,,http://b", "--deflate"});
  ASSERT_TRUE(options);
  const protocol::WebSocketSettings& settings = options->websocket;
  EXPECT_EQ(settings.times.handshake_ms, 500U);
  EXPECT_EQ(settings.times.ping_interval_ms, 0U);
  EXPECT_EQ(settings.times.pong_ms, 2'000U);
  EXPECT_EQ(settings.times.idle_ms, 60'000U);
  EXPECT_EQ(settings.message_bytes_max, 1'024U);
  EXPECT_EQ(settings.fragments_max, 3U);
  EXPECT_EQ(settings.upgrade.allowed_origins, (std::vector<std::string>{"http://a", "http://b"}));
  EXPECT_TRUE(settings.upgrade.may_deflate);
}

}  // namespace
}  // namespace c1m::servers::app
