// What a parked coroutine costs, as a program: parked_memory dedicated|compact COUNT [SEED]. Parks
// COUNT coroutines on one processor and prints one JSON object: bytes each by resident memory and
// by page tables, and ns each to create (until parked), and to resume in turn and at random. One
// wakes the next, so a resume is a wake, a switch in, a park and, for compact ones, the copies.
// Threads: one. Not here: descriptors and their buffers; the memory of a stack that was once deep.
#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "os/clock.hpp"
#include "os/file.hpp"
#include "runtime/runtime.hpp"
#include "runtime/spawn.hpp"
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
  const auto status = os::read_file("/proc/self/status");
  if (!status) return {};
  return {.resident_bytes = status_bytes(*status, "VmRSS:"),
          .page_table_bytes = status_bytes(*status, "VmPTE:")};
}

class Measurement {
 public:
  Measurement(StackPolicy policy, std::size_t count, std::uint64_t seed)
      : policy_(policy), seed_(seed), tokens_(count), order_(count), place_(count) {}

  // On the first coroutine.
  void run() {
    const Memory before = memory_now();
    const os::Nanoseconds start_ns = os::monotonic_ns();
    spawn_all();
    while (parked_ < tokens_.size()) yield();
    const os::Nanoseconds created_ns = os::monotonic_ns() - start_ns;
    const Memory after = memory_now();
    for (std::uint32_t i = 0; i < order_.size(); ++i) order_[i] = i;
    resume_all();  // not measured: the frozen blocks come to be
    const os::Nanoseconds in_turn_ns = resume_all();
    std::ranges::shuffle(order_, std::mt19937_64(seed_));
    const os::Nanoseconds random_ns = resume_all();
    print(before, after, created_ns, in_turn_ns, random_ns);
    leaving_ = true;
    resume_all();
  }

 private:
  void spawn_all() {
    for (std::uint32_t i = 0; i < tokens_.size(); ++i) {
      const auto spawned = spawn([this, i] { park_until_leaving(i); }, {.stack = policy_});
      if (!spawned) {
        std::fputs(("parked_memory: " + os::describe(spawned.error()) + "\n").c_str(), stderr);
        std::exit(1);
      }
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
        " \"frozen_frames_bytes_each\": %.1f, \"record_bytes\": %zu,\n"
        " \"create_ns_each\": %.1f, \"resume_in_turn_ns_each\": %.1f, "
        "\"resume_at_random_ns_each\": %.1f}\n",
        policy_ == StackPolicy::compact ? "compact" : "dedicated", tokens_.size(),
        static_cast<unsigned long long>(statistics.coroutines_compact),
        static_cast<unsigned long long>(seed_), each(after.resident_bytes - before.resident_bytes),
        each(after.page_table_bytes - before.page_table_bytes), each(statistics.frozen_bytes),
        sizeof(Coroutine), each(static_cast<std::uint64_t>(created_ns)),
        each(static_cast<std::uint64_t>(in_turn_ns)), each(static_cast<std::uint64_t>(random_ns)));
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

bool parse(std::string_view text, std::uint64_t& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size();
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string_view> words(argv, argv + argc);
  std::uint64_t count = 0;
  std::uint64_t seed = 1;
  const bool valid = (words.size() == 3 || words.size() == 4) &&
                     (words[1] == "dedicated" || words[1] == "compact") && parse(words[2], count) &&
                     count >= 1 && count <= 4'000'000 &&
                     (words.size() == 3 || parse(words[3], seed));
  if (!valid) {
    std::fputs("usage: parked_memory dedicated|compact COUNT [SEED], COUNT up to 4000000\n",
               stderr);
    return 2;
  }
  auto runtime = Runtime::create({});
  if (!runtime) {
    std::fputs(("parked_memory: " + os::describe(runtime.error()) + "\n").c_str(), stderr);
    return 1;
  }
  const auto policy = words[1] == "compact" ? StackPolicy::compact : StackPolicy::dedicated;
  Measurement measurement(policy, count, seed);
  const auto ran = (*runtime)->run([&] { measurement.run(); });
  return ran ? 0 : 1;
}
