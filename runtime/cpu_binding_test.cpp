// The worker of a bound processor may run on that processor's CPUs only, also one that takes the
// processor over. One NUMA node is all that these machines have: that a second is used as well
// could not be tried.
#include "runtime/cpu_binding.hpp"

#include <atomic>
#include <chrono>
#include <set>
#include <thread>

#include "os/topology.hpp"
#include "runtime/affinity.hpp"
#include "runtime/blocking.hpp"
#include "runtime/runtime_fixture.hpp"
#include "runtime/sleep.hpp"
#include "runtime/spawn.hpp"
#include "runtime/yield.hpp"

namespace c1m::runtime {
namespace {

class CpuBindingTest : public RuntimeFixture {
 protected:
  void SetUp() override {
    auto topology = os::read_topology();
    ASSERT_TRUE(topology);
    topology_ = std::move(*topology);
    cpus_ = static_cast<unsigned>(topology_.cpus.size());
  }

  void start(ProcessorBinding binding, unsigned processors) {
    set_up({.processors = processors, .stack_bytes = stack_bytes, .binding = binding});
  }

  // Where the calling coroutine's thread may run must be where its processor is.
  void expect_bound_to_cpu() {
    const auto seen = os::allowed_cpus();
    ASSERT_TRUE(seen);
    EXPECT_EQ(*seen, (os::CpuSet{topology_.cpus[current_processor()]}));
  }

  os::Topology topology_;
  unsigned cpus_ = 0;
};

TEST_F(CpuBindingTest, EachProcessorHasACpuOfItsOwn) {
  start(ProcessorBinding::cpu, cpus_);
  std::atomic<unsigned> inside = 0;
  run([&] {
    for (unsigned i = 0; i < cpus_; ++i) {
      ASSERT_TRUE(spawn([&] {
        expect_bound_to_cpu();
        inside.fetch_add(1);
        while (inside.load() < cpus_) {  // so each processor takes part
        }
      }));
    }
  });
  EXPECT_EQ(runtime().statistics().bindings_failed, 0U);
}

TEST_F(CpuBindingTest, TheCallerOfRunGetsItsCpusBack) {
  start(ProcessorBinding::cpu, 1);
  run([this] { expect_bound_to_cpu(); });
  EXPECT_EQ(*os::allowed_cpus(), topology_.cpus);
}

TEST_F(CpuBindingTest, WhoTakesAProcessorOverTakesItsBindingOn) {
  start(ProcessorBinding::cpu, 1);
  std::atomic<bool> flag = false;
  run([&] {
    ASSERT_TRUE(spawn([&] {
      expect_bound_to_cpu();
      flag.store(true);
    }));
    blocking([&flag] {
      while (!flag.load()) std::this_thread::sleep_for(std::chrono::microseconds(50));
    });
    expect_bound_to_cpu();
  });
}

TEST_F(CpuBindingTest, ProcessorsAddedLaterAreBound) {
  if (cpus_ < 2) GTEST_SKIP() << "needs a second CPU";
  start(ProcessorBinding::cpu, 1);
  run([this] {
    ASSERT_TRUE(runtime().set_processors(2));
    std::atomic<int> inside = 0;
    ASSERT_TRUE(spawn([&] {
      expect_bound_to_cpu();
      inside.fetch_add(1);
      while (inside.load() < 2) {
      }
      inside.fetch_add(1);
    }));
    expect_bound_to_cpu();
    inside.fetch_add(1);
    while (inside.load() < 3) {
    }
  });
}

TEST_F(CpuBindingTest, ANodesProcessorMayUseAllItsCpus) {
  start(ProcessorBinding::numa_node, cpus_ + 1);
  run([this] {
    const auto seen = os::allowed_cpus();
    ASSERT_TRUE(seen);
    const std::size_t place = current_processor() % topology_.nodes.size();
    EXPECT_EQ(*seen, topology_.nodes[place].cpus);
  });
}

TEST_F(CpuBindingTest, MoreProcessorsThanCpusAreRefused) {
  const auto created = Runtime::create({.processors = cpus_ + 1, .binding = ProcessorBinding::cpu});
  ASSERT_FALSE(created);
  EXPECT_EQ(created.error().code, EINVAL);
  EXPECT_NE(os::describe(created.error()).find("may use fewer CPUs"), std::string::npos);
  start(ProcessorBinding::cpu, 1);
  const auto grown = runtime().set_processors(cpus_ + 1);
  ASSERT_FALSE(grown);
  EXPECT_EQ(grown.error().code, EINVAL);
  EXPECT_EQ(runtime().statistics().processors, 1U);
}

}  // namespace
}  // namespace c1m::runtime
