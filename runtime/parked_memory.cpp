// What a parked coroutine costs, as a program: parked_memory dedicated|compact COUNT [SEED]. Parks
// COUNT coroutines on one processor and prints one JSON object: bytes each by resident memory and
// by page tables, and ns each to create (until parked), and to resume in turn and at random. One
// wakes the next, so a resume is a wake, a switch in, a park and, for compact ones, the copies.
// parked_memory frozen COUNT [SEED]: the same with dedicated stacks that are frozen: bytes each
// before and after, ns each to freeze, and to thaw and resume. parked_memory reading COUNT: COUNT
// compact coroutines wait each for a stream, as idle connections of a server do; bytes of all that
// the process has for one more of them. Threads: one. Not here: the kernel's memory, buffers, and
// stacks that were once deep.
#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "os/clock.hpp"
#include "os/descriptor.hpp"
#include "os/file.hpp"
#include "os/limits.hpp"
#include "os/socket.hpp"
#include "runtime/poll_descriptor.hpp"
#include "runtime/runtime.hpp"
#include "runtime/spawn.hpp"
#include "runtime/tcp_stream.hpp"
#include "runtime/wait.hpp"
#include "runtime/yield.hpp"

namespace {

using namespace c1m;
using namespace c1m::runtime;

struct Memory {
  std::uint64_t resident_bytes = 0;
  std::uint64_t page_table_bytes = 0;
};

std::uint64_t status_bytes(const std::string& status, std::string_view name) {
  const std::size_t line = status.find(name);
  if (line == std::string::npos) return 0;
  return std::strtoull(status.c_str() + line + name.size(), nullptr, 10) * 1024;
}

Memory memory_now() {
  // VmRSS of the status would count what is mapped of the program, and late: each CPU has a share.
  const auto pages = os::read_file("/proc/self/smaps_rollup");
  const auto status = os::read_file("/proc/self/status");
  if (!pages || !status) return {};
  return {.resident_bytes = status_bytes(*pages, "Anonymous:"),
          .page_table_bytes = status_bytes(*status, "VmPTE:")};
}

template <class T>
T must(os::Result<T> result) {
  if constexpr (std::is_void_v<T>) {
    if (result) return;
  } else {
    if (result) return std::move(*result);
  }
  std::fputs(("parked_memory: " + os::describe(result.error()) + "\n").c_str(), stderr);
  std::exit(1);
}

class Measurement {
 public:
  Measurement(StackPolicy policy, std::size_t count, std::uint64_t seed)
      : policy_(policy), seed_(seed), tokens_(count), order_(count), place_(count) {
    for (std::uint32_t i = 0; i < count; ++i) order_[i] = i;
  }

  // On the first coroutine.
  void run() {
    const Memory before = memory_now();
    const os::Nanoseconds start_ns = os::monotonic_ns();
    spawn_all();
    while (parked_ < tokens_.size()) yield();
    const os::Nanoseconds created_ns = os::monotonic_ns() - start_ns;
    const Memory after = memory_now();
    resume_all();  // not measured: the frozen blocks come to be
    const os::Nanoseconds in_turn_ns = resume_all();
    std::ranges::shuffle(order_, std::mt19937_64(seed_));
    const os::Nanoseconds random_ns = resume_all();
    print(before, after, created_ns, in_turn_ns, random_ns);
    leaving_ = true;
    resume_all();
  }

  // The same, where each resume thaws.
  void run_frozen(Runtime& runtime) {
    const Memory before = memory_now();
    spawn_all();
    while (parked_ < tokens_.size()) yield();
    resume_all();
    const Memory parked = memory_now();
    const os::Nanoseconds start_ns = os::monotonic_ns();
    const FreezeOutcome frozen = runtime.freeze_idle(0);
    const os::Nanoseconds froze_ns = os::monotonic_ns() - start_ns;
    const Memory after = memory_now();
    const os::Nanoseconds in_turn_ns = resume_all();
    std::ignore = runtime.freeze_idle(0);
    std::ranges::shuffle(order_, std::mt19937_64(seed_));
    const os::Nanoseconds random_ns = resume_all();
    const os::Nanoseconds thawed_ns = resume_all();
    const auto each = [this](auto total) {
      return static_cast<double>(total) / static_cast<double>(tokens_.size());
    };
    std::array<char, 1024> text{};
    std::snprintf(text.data(), text.size(),
                  "{\"stacks\": \"frozen\", \"coroutines\": %zu, \"coroutines_frozen\": %llu, "
                  "\"seed\": %llu,\n"
                  " \"resident_bytes_each_before\": %.1f, \"resident_bytes_each\": %.1f, "
                  "\"page_table_bytes_each\": %.1f,\n"
                  " \"stored_bytes_each\": %.1f, \"released_bytes_each\": %.1f,\n"
                  " \"freeze_ns_each\": %.1f, \"thaw_in_turn_ns_each\": %.1f, "
                  "\"thaw_at_random_ns_each\": %.1f, \"resume_at_random_ns_each\": %.1f}\n",
                  tokens_.size(), static_cast<unsigned long long>(frozen.coroutines),
                  static_cast<unsigned long long>(seed_),
                  each(parked.resident_bytes - before.resident_bytes),
                  each(after.resident_bytes - before.resident_bytes),
                  each(after.page_table_bytes - before.page_table_bytes), each(frozen.stored_bytes),
                  each(frozen.released_bytes), each(froze_ns), each(in_turn_ns), each(random_ns),
                  each(thawed_ns));
    std::fputs(text.data(), stdout);
    leaving_ = true;
    resume_all();
  }

 private:
  void spawn_all() {
    for (std::uint32_t i = 0; i < tokens_.size(); ++i) {
      must(spawn([this, i] { park_until_leaving(i); }, {.stack = policy_}));
      // Often enough that they run while their records are warm, as accepted connections do.
      if (i % 64 == 63) yield();
    }
  }

  void park_until_leaving(std::uint32_t number) {
    for (;;) {
      {
        Wait wait(WaitReason::none);
        tokens_[number] = wait.token();
        ++parked_;
        if (parked_ > tokens_.size()) wake_after(number);
        wait.park();
      }
      if (leaving_) break;
    }
    wake_after(number);
  }

  // The next in the order, or who waits for the end of the round.
  void wake_after(std::uint32_t number) {
    const std::size_t next = place_[number] + std::size_t{1};
    const WakeToken token = next == order_.size() ? done_ : tokens_[order_[next]];
    worker_of_caller().scheduler().wake(token);
  }

  os::Nanoseconds resume_all() {
    for (std::uint32_t i = 0; i < order_.size(); ++i) place_[order_[i]] = i;
    const os::Nanoseconds start_ns = os::monotonic_ns();
    Wait wait(WaitReason::none);
    done_ = wait.token();
    wait.scheduler().wake(tokens_[order_[0]]);
    wait.park();
    return os::monotonic_ns() - start_ns;
  }

  void print(const Memory& before, const Memory& after, os::Nanoseconds created_ns,
             os::Nanoseconds in_turn_ns, os::Nanoseconds random_ns) const {
    const auto each = [this](std::uint64_t total) {
      return static_cast<double>(total) / static_cast<double>(tokens_.size());
    };
    const RuntimeStatistics statistics = worker_of_caller().scheduler().statistics();
    std::array<char, 1024> text{};
    std::snprintf(
        text.data(), text.size(),
        "{\"stacks\": \"%s\", \"coroutines\": %zu, \"coroutines_compact\": %llu, \"seed\": %llu,\n"
        " \"resident_bytes_each\": %.1f, \"page_table_bytes_each\": %.1f,\n"
        " \"frozen_frames_bytes_each\": %.1f, \"live_frames_bytes_each\": %.1f, "
        "\"record_bytes\": %zu,\n"
        " \"create_ns_each\": %.1f, \"resume_in_turn_ns_each\": %.1f, "
        "\"resume_at_random_ns_each\": %.1f}\n",
        policy_ == StackPolicy::compact ? "compact" : "dedicated", tokens_.size(),
        static_cast<unsigned long long>(statistics.coroutines_compact),
        static_cast<unsigned long long>(seed_), each(after.resident_bytes - before.resident_bytes),
        each(after.page_table_bytes - before.page_table_bytes),
        each(statistics.frozen_bytes_stored), each(statistics.frozen_bytes), sizeof(Coroutine),
        each(static_cast<std::uint64_t>(created_ns)), each(static_cast<std::uint64_t>(in_turn_ns)),
        each(static_cast<std::uint64_t>(random_ns)));
    std::fputs(text.data(), stdout);
  }

  const StackPolicy policy_;
  const std::uint64_t seed_;
  std::vector<WakeToken> tokens_;
  std::vector<std::uint32_t> order_;
  std::vector<std::uint32_t> place_;  // in the order, by number
  WakeToken done_;
  std::size_t parked_ = 0;  // how often
  bool leaving_ = false;
};

class ReadingMeasurement {
 public:
  explicit ReadingMeasurement(std::size_t count) : count_(count) {}

  // So few that the first half of the coroutines uses them all.
  static constexpr std::size_t slots = 16;

  // On the first coroutine. The first half of the others pays for what all share.
  void run() {
    const auto listener = must(os::listen_tcp(os::Endpoint::ipv4(INADDR_LOOPBACK, 0),
                                              {.non_blocking = false, .socket = {}}));
    os::Descriptor peer =
        must(os::start_connect(must(os::local_endpoint(listener.get())), std::nullopt, {}));
    socket_ = must(os::accept_tcp(listener.get(), os::Blocking::no, {}));
    park(count_ / 2);
    const Memory before = memory_now();
    park(count_ - count_ / 2);
    print(before, memory_now());
    peer.reset();  // and all leave
  }

 private:
  // Each has a duplicate of one socket, which to the runtime is a stream like any other.
  void park(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      auto stream = must(TcpStream::adopt(must(os::duplicate(socket_.get()))));
      must(spawn([this, stream = std::move(stream)] mutable { serve(stream); },
                 {.stack = StackPolicy::compact}));
      yield();
    }
  }

  void serve(TcpStream& stream) {
    while (stream.wait_readable() && read(stream)) {
    }
  }

  // In a frame that is gone while it waits.
  [[gnu::noinline]] bool read(TcpStream& stream) {
    const auto got = stream.try_read(buffer_);
    return got ? *got > 0 : os::would_block(got.error());
  }

  void print(const Memory& before, const Memory& after) const {
    const auto each = [this](std::uint64_t more, std::uint64_t less) {
      const std::size_t measured = count_ - count_ / 2;
      return static_cast<double>(more - less) / static_cast<double>(measured);
    };
    const RuntimeStatistics statistics = worker_of_caller().scheduler().statistics();
    std::array<char, 1024> text{};
    std::snprintf(text.data(), text.size(),
                  "{\"waits\": \"reading\", \"coroutines\": %zu, \"coroutines_parked\": %llu,\n"
                  " \"resident_bytes_each\": %.1f, \"page_table_bytes_each\": %.1f,\n"
                  " \"frozen_frames_bytes_each\": %.1f, \"record_bytes\": %zu, "
                  "\"poll_descriptor_bytes\": %zu}\n",
                  count_, static_cast<unsigned long long>(statistics.coroutines_parked),
                  each(after.resident_bytes, before.resident_bytes),
                  each(after.page_table_bytes, before.page_table_bytes),
                  static_cast<double>(statistics.frozen_bytes_stored) /
                      static_cast<double>(statistics.coroutines_frozen),
                  sizeof(Coroutine), sizeof(PollDescriptor));
    std::fputs(text.data(), stdout);
  }

  const std::size_t count_;
  os::Descriptor socket_;
  std::array<std::byte, 64> buffer_{};
};

bool parse(std::string_view text, std::uint64_t& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size();
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string_view> words(argv, argv + argc);
  std::uint64_t count = 0;
  std::uint64_t seed = 1;
  const bool reading = words.size() == 3 && words[1] == "reading";
  const bool valid =
      (reading || ((words.size() == 3 || words.size() == 4) &&
                   (words[1] == "dedicated" || words[1] == "compact" || words[1] == "frozen"))) &&
      parse(words[2], count) && count >= 2 && count <= 4'000'000 &&
      (words.size() == 3 || parse(words[3], seed));
  if (!valid) {
    std::fputs(
        "usage: parked_memory dedicated|compact|frozen COUNT [SEED], COUNT up to 4000000\n"
        "       parked_memory reading COUNT, as many as the limit of descriptors allows\n",
        stderr);
    return 2;
  }
  if (reading) {
    must(os::raise_descriptor_limit());
    const auto runtime = must(Runtime::create({.compact_slots = ReadingMeasurement::slots}));
    ReadingMeasurement measurement(count);
    must(runtime->run([&] { measurement.run(); }));
    return 0;
  }
  const auto runtime = must(Runtime::create({}));
  if (words[1] == "frozen") {
    Measurement measurement(StackPolicy::freezable, count, seed);
    must(runtime->run([&] { measurement.run_frozen(*runtime); }));
    return 0;
  }
  const auto policy = words[1] == "compact" ? StackPolicy::compact : StackPolicy::dedicated;
  Measurement measurement(policy, count, seed);
  must(runtime->run([&] { measurement.run(); }));
  return 0;
}
