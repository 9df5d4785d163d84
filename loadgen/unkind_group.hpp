// The half-open or the slow clients of a shard: connections beside the load, of which none of the
// load's figures knows.
//
// Each is opened, stands until the server ends it, and is opened anew, so that as many as were
// asked for go on standing. A half-open one connects (over WebSocket shakes hands too) and then
// neither sends nor reads, as a peer that has vanished. A slow one sends a byte an interval, from
// its first. Invariants: opened = ended + standing; one is opened again no sooner than
// retry_pause_ns after it was last; all attempts of the group, first ones or not, keep to its part
// of the connect rate and to Connector::in_progress_max at a time, so that a server that refuses
// gets no more of them than one that does not (without a rate each client is held back by its pause
// alone); a slow one that is behind sends one byte, not those that it has missed.
// Threads: one owner. Not here: waiting (shard_wait), what they say (unkind_speech).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <queue>
#include <string>
#include <utility>
#include <vector>

#include "loadgen/arrival_plan.hpp"
#include "loadgen/connector.hpp"
#include "loadgen/source_addresses.hpp"
#include "loadgen/under_way.hpp"
#include "loadgen/unkind_speech.hpp"
#include "measure/load_document.hpp"
#include "measure/unkind_result.hpp"
#include "os/clock.hpp"
#include "os/poller.hpp"

namespace c1m::loadgen {

struct UnkindTerms {
  ConnectionRange range;                 // global numbers, beyond those of the load
  std::uint64_t tag = 0;                 // of their events; a client's index is added
  os::Nanoseconds byte_interval_ns = 0;  // 0: they are half-open
  os::Nanoseconds timeout_ns = 0;        // of an attempt, the handshake of half-open ones included
  double connect_rate_per_s = 0;         // of all attempts; 0: without a pace
};

class UnkindGroup {
 public:
  UnkindGroup(const UnkindTerms& terms, UnkindSpeech& speech, const Routes& routes,
              const os::Clock& clock, os::Poller& poller);
  UnkindGroup(const UnkindGroup&) = delete;
  UnkindGroup& operator=(const UnkindGroup&) = delete;
  ~UnkindGroup();

  // Every client has been tried once, and stood or failed.
  [[nodiscard]] bool settled() const { return untried_ == 0; }
  [[nodiscard]] std::uint32_t standing() const { return standing_; }
  // When advance() has something to do.
  [[nodiscard]] os::Nanoseconds next_due_ns() const;
  // Opens what is due, gives up what takes too long, sends the bytes that are due; a burst at most.
  void advance(os::Nanoseconds now_ns);
  void handle(std::uint32_t index, std::uint32_t events);

  // What standing is counted in from now on.
  void observe(const measure::LoadWindow& window);
  [[nodiscard]] measure::UnkindResult result();

  static constexpr os::Nanoseconds retry_pause_ns = 100 * os::ns_per_ms;

 private:
  enum class State : std::uint8_t {
    absent,      // it has a place in retries_, or was never tried
    connecting,  // in attempts_, as the next one
    opening,     // half-open over WebSocket: in its handshake
    standing,
  };
  struct Client {
    int fd = -1;
    State state = State::absent;
    bool was_settled = false;  // its first attempt is over
    os::Nanoseconds begun_ns = 0;
    os::Nanoseconds stood_ns = 0;
    SpeechState speech;
  };
  using Retry = std::pair<os::Nanoseconds, std::uint32_t>;  // when, and which

  [[nodiscard]] bool is_slow() const { return terms_.byte_interval_ns > 0; }
  [[nodiscard]] bool may_start() const;
  // When take_next() has one to start.
  [[nodiscard]] os::Nanoseconds next_start_ns() const;
  std::uint32_t take_next();
  void keep_pace(os::Nanoseconds now_ns);
  void start(std::uint32_t index);
  void on_connected(std::uint32_t index);
  void shake_hands(std::uint32_t index);
  void on_opening(std::uint32_t index);
  void stand(std::uint32_t index);
  void hear(std::uint32_t index);
  void settle(std::uint32_t index);
  void fail(std::uint32_t index, const std::string& reason);
  void end(std::uint32_t index, const std::string& reason);
  // It has no socket any more, and wants one.
  void leave(std::uint32_t index);
  void send_due_bytes(os::Nanoseconds now_ns);
  void send_byte(std::uint32_t index);
  void find_next_byte();
  void count_standing(os::Nanoseconds now_ns);
  os::Result<std::size_t> read(const Client& client);

  UnkindTerms terms_;
  UnkindSpeech& speech_;
  const Routes& routes_;
  const os::Clock& clock_;
  os::Poller& poller_;
  ConnectPace pace_;
  std::uint32_t paced_ = 0;  // attempts since it began
  os::Nanoseconds start_ns_;
  std::vector<Client> clients_;
  std::uint32_t started_ = 0;  // clients that were tried; also the next one's index
  std::uint32_t untried_;
  std::uint32_t standing_ = 0;
  struct NoNote {};
  UnderWay<NoNote> attempts_;
  std::priority_queue<Retry, std::vector<Retry>, std::greater<>> retries_;
  std::uint64_t byte_turns_ = 0;  // places in the round of bytes that are over
  os::Nanoseconds next_byte_ns_;
  measure::LoadWindow window_;
  os::Nanoseconds counted_ns_ = 0;
  double standing_client_ns_ = 0;
  measure::UnkindResult result_;
  std::array<std::byte, 4'096> buffer_{};
};

}  // namespace c1m::loadgen
