// The outer face of the scheduler; see runtime.hpp.
#include "runtime/runtime.hpp"

#include <utility>

#include "runtime/scheduler.hpp"

namespace c1m::runtime {

os::Result<std::unique_ptr<Runtime>> Runtime::create(const RuntimeOptions& options) {
  auto scheduler = Scheduler::create(options);
  if (!scheduler) return std::unexpected(scheduler.error());
  return std::unique_ptr<Runtime>(new Runtime(std::move(*scheduler)));
}

Runtime::Runtime(std::unique_ptr<Scheduler> scheduler) : scheduler_(std::move(scheduler)) {}
Runtime::~Runtime() = default;

os::Result<void> Runtime::run(std::move_only_function<void()> main, std::source_location where) {
  if (auto spawned = spawn(std::move(main), where); !spawned) return spawned;
  return scheduler_->run();
}

os::Result<void> Runtime::spawn_start(const FunctionToStart& function, SpawnOptions options,
                                      std::source_location where) {
  return scheduler_->spawn(function, options, where);
}

os::Result<void> Runtime::set_processors(unsigned count) {
  return scheduler_->set_processors(count);
}

void Runtime::stop() {
  scheduler_->stop();
}

FreezeOutcome Runtime::freeze_idle(os::Nanoseconds idle_ns) {
  return scheduler_->freezer().freeze(idle_ns);
}

RuntimeStatistics Runtime::statistics() const {
  return scheduler_->statistics();
}

std::uint64_t Runtime::live() const {
  return scheduler_->live();
}

RuntimeDump Runtime::dump() const {
  return take_dump(*scheduler_);
}

std::vector<Deadlock> Runtime::deadlocks() const {
  return find_circles(*scheduler_);
}

os::Result<void> Runtime::set_histograms(bool on) {
  return scheduler_->sight().observation.set_histograms(on);
}

RuntimeHistograms Runtime::histograms() const {
  return scheduler_->sight().observation.histograms();
}

os::Result<void> Runtime::start_trace(const TraceOptions& options) {
  return scheduler_->sight().observation.start_trace(options);
}

void Runtime::stop_trace() {
  scheduler_->sight().observation.stop_trace();
}

Trace Runtime::trace() const {
  return scheduler_->sight().observation.trace();
}

}  // namespace c1m::runtime
