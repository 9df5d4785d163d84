// A fixed number of coroutines that work on tasks from a queue of limited length and hand their
// results into another, as the article's worker pool (R4).
// Invariants: memory is that of the two queues and the workers, however many tasks pass; a full
// queue, of tasks or of results, makes whoever puts into it wait; each task that was submitted is
// worked on once, unless the pool fails, is dropped or is closed by force; what a task throws ends
// the pool and is what join() throws.
// Threads: all but join() and the destructor by any coroutine or plain thread; those by the owner,
// a coroutine. Not here: ending a task that neither waits nor looks at its context; an order of the
// results.
#pragma once

#include <cerrno>
#include <concepts>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

#include "os/assert.hpp"
#include "os/result.hpp"
#include "runtime/cancellation.hpp"
#include "runtime/channel.hpp"
#include "runtime/join_handle.hpp"
#include "runtime/leak_detector.hpp"
#include "runtime/task_group.hpp"

namespace c1m::runtime {

struct WorkerPoolOptions {
  unsigned workers = 4;  // the article: 2 to 4 a core
  std::size_t tasks_max = 5000;
  std::size_t results_max = 5000;
  StackPolicy stack = StackPolicy::dedicated;
  // When `report` is set a coroutine more watches the pool until join().
  LeakLimits limits{};
  LeakDetector::Report report = nullptr;
};

// Result may be void: then there is nothing to receive.
template <class Task, class Result>
class WorkerPool final : private WatchedPool {
 public:
  // By several coroutines at the same time; the context is the pool's.
  using Work = std::function<Result(Task&, const Context&)>;

  // By a coroutine, in whose runtime it works. The pool ends with `parent`. Fails as spawn() does.
  [[nodiscard]] static os::Result<std::unique_ptr<WorkerPool>> start(
      WorkerPoolOptions options, Work work, const Context& parent = background) {
    C1M_ASSERT(options.workers > 0, "a pool has workers");
    auto pool =
        std::unique_ptr<WorkerPool>(new WorkerPool(std::move(options), std::move(work), parent));
    auto started = pool->start_workers();
    if (!started) return std::unexpected(started.error());
    return pool;
  }

  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;
  // Without join(): the workers are cancelled and waited for.
  ~WorkerPool() override {
    if (joined_) return;
    workers_.cancel(os::Error{ECANCELED, "the pool has gone"});
    end_queues();
    std::ignore = end_of_all();
  }

  // Parks while the queue of tasks is full. Fails with EPIPE once the pool is closed or has failed,
  // and with the context's error() when that is cancelled while this waits.
  [[nodiscard]] os::Result<void> submit(Task task, const Context& context = background) {
    return tasks_.send(std::move(task), context);
  }
  // Without waiting: false when the queue is full, or the pool closed; the task is then as it was.
  [[nodiscard]] bool try_submit(Task& task) { return tasks_.try_send(std::move(task)).has_value(); }

  // The next result, in the order in which they became ready. Parks while there is none. Fails with
  // EPIPE when there will be none: all workers have ended.
  [[nodiscard]] os::Result<Result> receive(const Context& context = background)
    requires(!std::is_void_v<Result>)
  {
    return results_.receive(context);
  }

  // No more tasks; those that are queued are still worked on.
  void close() { tasks_.close(); }

  // close(), and waits until all workers have ended. Then throws what a task has thrown, or fails
  // with what has ended the pool early: the context's error(), or ETIMEDOUT of the leak detector.
  // Somebody must receive the results, if they are more than fit. Once.
  [[nodiscard]] os::Result<void> join() {
    close();
    joined_ = true;
    return end_of_all();
  }

  // At some moment.
  [[nodiscard]] PoolGauges gauges() override {
    const auto tasks = tasks_.gauges();
    const auto results = results_.gauges();
    return {.tasks_waiting = tasks.values,
            .submitters_waiting = tasks.senders_waiting,
            .tasks_taken = tasks.received,
            .results_waiting = results.values,
            .result_putters_waiting = results.senders_waiting,
            .results_taken = results.received,
            .workers_alive = alive_.load(std::memory_order_relaxed),
            .closed = tasks.closed};
  }

 private:
  using Kept = std::conditional_t<std::is_void_v<Result>, std::monostate, Result>;

  WorkerPool(WorkerPoolOptions options, Work work, const Context& parent)
      : options_(std::move(options)),
        work_(std::move(work)),
        tasks_(options_.tasks_max),
        results_(std::is_void_v<Result> ? 1 : options_.results_max),
        workers_(parent) {}

  os::Result<void> start_workers() {
    alive_.store(options_.workers, std::memory_order_relaxed);
    for (unsigned i = 0; i < options_.workers; ++i) {
      auto spawned = workers_.spawn(
          [this](const Context& context) {
            const EndOfWorker end{*this};
            return work_on(context);
          },
          {.stack = options_.stack});
      if (!spawned) return spawned;
    }
    if (!options_.report) return {};
    auto watching = spawn_joinable([this] {
      LeakDetector(options_.limits, options_.report).watch(*this, watched_.context());
    });
    if (!watching) return std::unexpected(watching.error());
    detector_ = std::move(*watching);
    return {};
  }

  os::Result<void> work_on(const Context& context) {
    for (;;) {
      // What is queued when the pool has failed is dropped.
      if (auto allowed = context.check("worker"); !allowed) return allowed;
      auto task = tasks_.receive(context);
      if (!task) return end_of(task.error());
      if constexpr (std::is_void_v<Result>) {
        work_(*task, context);
      } else {
        auto sent = results_.send(work_(*task, context), context);
        if (!sent) return end_of(sent.error());
      }
    }
  }

  // A closed queue ends a worker well.
  static os::Result<void> end_of(const os::Error& error) {
    if (error.code == EPIPE) return {};
    return std::unexpected(error);
  }

  struct EndOfWorker {
    WorkerPool& pool;
    ~EndOfWorker() {
      const bool last = pool.alive_.fetch_sub(1, std::memory_order_acq_rel) == 1;
      // While an exception passes, the pool has failed although its context does not know yet.
      if (last || pool.workers_.context().is_cancelled() || std::uncaught_exceptions() > 0) {
        pool.end_queues();
      }
    }
  };

  void end_queues() {
    tasks_.close();
    results_.close();
  }

  void close_by_force(const Failure& cause) override {
    workers_.fail(cause);
    end_queues();
  }

  os::Result<void> end_of_all() {
    struct EndOfWatching {
      WorkerPool& pool;
      ~EndOfWatching() {
        pool.watched_.cancel();
        if (pool.detector_) std::ignore = pool.detector_->wait(background);
        pool.detector_.reset();  // what its report has thrown ends the process here, by name
      }
    };
    const EndOfWatching end{*this};
    return workers_.join();
  }

  const WorkerPoolOptions options_;
  const Work work_;
  Channel<Task> tasks_;
  Channel<Kept> results_;
  Atomic<unsigned> alive_ = 0;
  const CancelSource watched_;
  std::optional<JoinHandle<void>> detector_;
  bool joined_ = false;  // the owner's
  TaskGroup workers_;
};

}  // namespace c1m::runtime
