// Example: a pipeline with back pressure. A source sends numbers, two workers square them, a sink
// adds up; the channels between have room for four, so a source that is faster than the sink has to
// wait for it, and memory stays the same however many numbers there are.
// Threads: the runtime's two workers; the first coroutine is the sink.
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <string>
#include <tuple>

#include "os/exit_code.hpp"
#include "os/result.hpp"
#include "runtime/channel.hpp"
#include "runtime/runtime.hpp"
#include "runtime/sleep.hpp"
#include "runtime/spawn.hpp"
#include "runtime/wait_group.hpp"

namespace c1m::examples {
namespace {

constexpr long numbers = 1000;
constexpr unsigned workers = 2;
constexpr std::size_t room = 4;
// What fills both channels, and one number in the hands of each worker and of the sink.
constexpr long under_way_max = 2 * room + workers + 1;

class Pipeline {
 public:
  // The first coroutine.
  os::Result<void> run() {
    if (auto spawned = runtime::spawn([this] { produce(); }); !spawned) return spawned;
    for (unsigned i = 0; i < workers; ++i) {
      if (auto spawned = runtime::spawn([this] { square(); }); !spawned) return spawned;
    }
    for (const long value : squares_) {
      sum_ += value;
      most_under_way_ = std::max(most_under_way_, sent_ - received_++);
      // A sink that is slower than the others now and then.
      if (received_ % 100 == 0) std::ignore = runtime::sleep_for(os::ns_per_ms);
    }
    return {};
  }

  [[nodiscard]] bool print() const {
    std::fputs((std::to_string(received_) + " numbers, sum of squares " + std::to_string(sum_) +
                "\nnever more than " + std::to_string(most_under_way_) + " under way\n")
                   .c_str(),
               stdout);
    return most_under_way_ <= under_way_max;
  }

 private:
  void produce() {
    for (long number = 1; number <= numbers; ++number) {
      if (!numbers_.send(number)) break;
      ++sent_;
    }
    numbers_.close();
  }

  void square() {
    for (const long number : numbers_) std::ignore = squares_.send(number * number);
    working_.done();
    // One of them closes the next channel, when all have sent everything.
    if (somebody_closes_.exchange(true)) return;
    working_.wait();
    squares_.close();
  }

  runtime::Channel<long> numbers_{room};
  runtime::Channel<long> squares_{room};
  runtime::WaitGroup working_{workers};
  std::atomic<bool> somebody_closes_ = false;
  std::atomic<long> sent_ = 0;
  long received_ = 0;
  long most_under_way_ = 0;
  long sum_ = 0;
};

int run() {
  auto runtime = runtime::Runtime::create({.processors = 2});
  if (!runtime) {
    std::fputs((os::describe(runtime.error()) + "\n").c_str(), stderr);
    return os::exit_failed;
  }
  Pipeline pipeline;
  os::Result<void> worked;
  const auto ran = (*runtime)->run([&] { worked = pipeline.run(); });
  return ran && worked && pipeline.print() ? 0 : os::exit_failed;
}

}  // namespace
}  // namespace c1m::examples

int main() {
  return c1m::examples::run();
}
