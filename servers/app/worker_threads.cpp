// Threads for workers and the first error of them; see worker_threads.hpp.
#include "servers/app/worker_threads.hpp"

#include <unistd.h>

#include <csignal>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace c1m::servers::app {
namespace {

// Every worker watches the shard's stop descriptor, which SIGTERM to the process makes readable for
// all.
void stop_this_shard() {
  ::kill(::getpid(), SIGTERM);
}

// The first error of all workers.
class SharedResult {
 public:
  void take(const os::Result<void>& result) {
    if (result) return;
    const std::scoped_lock lock(mutex_);
    if (result_) result_ = result;
    stop_this_shard();
  }
  // When no other thread is left.
  [[nodiscard]] os::Result<void> get() const { return result_; }

 private:
  std::mutex mutex_;
  os::Result<void> result_;
};

}  // namespace

os::Result<void> run_workers(unsigned count,
                             const std::function<os::Result<void>(unsigned)>& work) {
  SharedResult result;
  {
    std::vector<std::jthread> threads;
    try {
      for (unsigned index = 1; index < count; ++index) {
        threads.emplace_back([&result, &work, index] { result.take(work(index)); });
      }
    } catch (const std::system_error& error) {
      result.take(os::fail(error.code().value(), "pthread_create"));
    }
    result.take(work(0));
  }
  return result.get();
}

}  // namespace c1m::servers::app
