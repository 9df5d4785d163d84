// The latest sample of the shards and the server's health, passed from the supervisor to the admin
// endpoint. Threads: any; a lock is held only while a pointer is copied. Not here: taking samples
// (stats_recorder.hpp).
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "measure/server_documents.hpp"

namespace c1m::servers::app {

struct BoardState {
  std::shared_ptr<const measure::StatsSample> sample;  // none before the first
  std::string trouble;  // why the server is not healthy; empty when it is
};

class StatsBoard {
 public:
  void publish(std::shared_ptr<const measure::StatsSample> sample) {
    const std::scoped_lock lock(mutex_);
    state_.sample = std::move(sample);
  }
  void report_trouble(std::string trouble) {
    const std::scoped_lock lock(mutex_);
    state_.trouble = std::move(trouble);
  }
  [[nodiscard]] BoardState state() const {
    const std::scoped_lock lock(mutex_);
    return state_;
  }

 private:
  mutable std::mutex mutex_;
  BoardState state_;
};

}  // namespace c1m::servers::app
