// The sources of waits with a time or a context: their blocks are used again, however the wait
// ends.
#include "runtime/wait_sources.hpp"

#include <atomic>
#include <cstddef>

#include "os/clock.hpp"
#include "runtime/cancellation.hpp"
#include "runtime/runtime_fixture.hpp"
#include "runtime/sleep.hpp"
#include "runtime/spawn.hpp"
#include "runtime/wait.hpp"
#include "runtime/wait_group.hpp"
#include "runtime/yield.hpp"

namespace c1m::runtime {
namespace {

class WaitSourcesTest : public RuntimeTest {
 protected:
  static std::size_t carved_bytes() {
    return worker_of_caller().scheduler().blocks().carved_bytes();
  }
  // A hundred at once sleep until their time, or, one in two, until they are cancelled.
  static void sleep_and_cancel() {
    const CancelSource source;
    WaitGroup group(100);
    for (int i = 0; i < 100; ++i) {
      const os::Nanoseconds duration_ns = i % 2 == 0 ? os::ns_per_us : os::ns_per_s * 3600;
      ASSERT_TRUE(spawn([&, duration_ns] {
        const auto slept = sleep_for(duration_ns, source.context());
        EXPECT_TRUE(slept || slept.error().code == ECANCELED);
        group.done();
      }));
    }
    for (int i = 0; i < 3; ++i) yield();
    source.cancel();
    group.wait();
  }
};
C1M_FOR_ALL_PROCESSOR_COUNTS(WaitSourcesTest);

TEST_P(WaitSourcesTest, BlocksAreUsedAgain) {
  run([] {
    sleep_and_cancel();
    const std::size_t once = carved_bytes();
    for (int round = 0; round < 100; ++round) sleep_and_cancel();
    // Each processor keeps some for itself.
    EXPECT_LE(carved_bytes(), once * (1 + 4 * std::size_t{GetParam()}));
  });
}

TEST_P(WaitSourcesTest, WaitsWithoutATimeOrAContextHaveNone) {
  run([] {
    const std::size_t before = carved_bytes();
    WaitGroup gate(1);
    WaitGroup ended(10);
    for (int i = 0; i < 10; ++i) {
      ASSERT_TRUE(spawn([&] {
        const std::size_t begun = carved_bytes();
        gate.wait();
        EXPECT_EQ(carved_bytes(), begun);
        ended.done();
      }));
    }
    gate.done();
    ended.wait();
    EXPECT_GE(carved_bytes(), before);
  });
}

}  // namespace
}  // namespace c1m::runtime
