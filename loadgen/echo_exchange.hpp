// Sends requests and takes answers on the connections of one shard: the path that every request of
// a run goes through, about one send(2), one recv(2) and a share of one epoll_wait(2) each.
//
// A request goes out at once even if earlier ones of its connection are unanswered, unless so many
// are that the pipeline is full: then it waits for an answer, which is no lag of the generator's.
// When the socket is full it queues behind them, and its send lag shows the wait. The clock is read
// before each send and after each receive (25 ns of some 5 us that the system call takes), not once
// a batch: a time shared by a batch would hide the batch's own length. Invariants: every request
// given to issue() reaches the Accounting exactly once in each step. A protocol above the byte
// stream derives from it and says how requests and answers look on the wire (websocket_exchange).
// Threads: one owner. Not here: when to send (traffic), connecting (connector).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "loadgen/accounting.hpp"
#include "loadgen/answer_verifier.hpp"
#include "loadgen/arrival_plan.hpp"
#include "loadgen/connection.hpp"
#include "loadgen/payload.hpp"
#include "loadgen/request_pool.hpp"
#include "os/clock.hpp"
#include "os/descriptor.hpp"
#include "os/poller.hpp"

namespace c1m::loadgen {

// Hears how the connections that it retires come to their ends.
class LifeObserver {
 public:
  // Everything was answered; the orderly end begins.
  virtual void on_closing(std::uint32_t index) = 0;
  // It has no socket any more, and wants one: `closed_by_peer` after an orderly end,
  // `reset_as_planned` after an end that was to be a reset, else an error.
  virtual void on_parted(std::uint32_t index, const std::string& reason) = 0;

 protected:
  ~LifeObserver() = default;
};
inline constexpr const char* closed_by_peer = "closed by peer";
inline constexpr const char* reset_as_planned = "reset as planned";

// How a connection's life is to end.
enum class LifeEnd : std::uint8_t { in_order, by_reset };

class EchoExchange : protected AnswerObserver {
 public:
  // At a time: over all connections of the shard, and on each.
  struct InFlightLimits {
    std::uint32_t in_all = 0;
    std::uint32_t pipeline = UINT32_MAX;
  };

  // `range` gives the global numbers of the shard's connections, which are indexed from 0 here.
  EchoExchange(ConnectionRange range, InFlightLimits limits, const Payload& payload,
               const os::Clock& clock, os::Poller& poller, Accounting& accounting);
  ~EchoExchange() override;

  // Reads with the kernel's timestamps from now on; connections adopted before have none.
  void use_kernel_timestamps() { stamps_ = true; }

  Connection& connection(std::uint32_t index) { return connections_[index]; }
  [[nodiscard]] std::uint32_t connection_count() const { return range_.count; }
  [[nodiscard]] std::uint64_t established() const { return established_; }

  // A connection is ready for requests; its descriptor is registered with the poller under its
  // index and waits for writability.
  void adopt(std::uint32_t index);

  // Where the opening of a connection stands.
  enum class Opening : std::uint8_t { established, pending, refused };
  // The transport is connected: adopts the connection, or begins a handshake, after whose every
  // event go_on_opening() is called until it is pending no more. When it was refused the caller
  // closes the descriptor.
  virtual Opening open(std::uint32_t index);
  virtual Opening go_on_opening(std::uint32_t index);
  // Why the last opening was refused.
  [[nodiscard]] virtual std::string refusal() const { return {}; }

  // Sends a request that the plan wants at `intended_ns`, or queues it, or counts it as unsent when
  // its connection is closed or too many are in flight.
  void issue(std::uint32_t index, os::Nanoseconds intended_ns);

  // Counts a request that is not even tried as planned for now and unsent.
  void skip();

  // From now on connections have several lives, and requests that find a connection between two of
  // them wait for the next. Null ends that.
  void renew_for(LifeObserver* observer) { life_observer_ = observer; }
  // An established connection sends nothing new, and once all that it has sent is answered begins
  // its orderly end, or sends the first half of a request that nothing counts, and RST.
  void retire(std::uint32_t index, LifeEnd end = LifeEnd::in_order);
  // Begins the orderly end of an established connection: sends FIN and waits for the peer's.
  virtual void begin_closing(std::uint32_t index);
  // Ends at once a connection whose orderly end takes too long.
  void cut_short(std::uint32_t index, const std::string& reason) { close(index, reason); }
  // Sends what waited for a connection that is established again.
  void resume(std::uint32_t index);
  // Connections that are closed by now are none of the run's.
  void forget_closed();
  // A connection that is being opened will not be: what waited for it is unsent.
  void abandon(std::uint32_t index);

  // Handles an event of an established connection. Returns how many answers that brought; 0 when
  // the connection has been closed.
  std::uint32_t handle(std::uint32_t index, std::uint32_t events);

  // When this exchange last looked at the clock: just before its last send or after its last
  // receive.
  [[nodiscard]] os::Nanoseconds last_ns() const { return last_ns_; }

  // Requests queued or in flight.
  [[nodiscard]] std::uint32_t outstanding() const { return requests_.size(); }
  // Reports what is still outstanding: unsent if it never left, else in flight at the end. What
  // happens to it afterwards is not counted any more.
  void settle_rest();

  [[nodiscard]] const measure::ErrorCounts& errors() const { return errors_; }
  [[nodiscard]] std::size_t request_pool_bytes() const { return requests_.heap_bytes(); }

 protected:
  enum class Outcome : std::uint8_t { kept, closed };
  struct Outgoing {
    std::span<const std::byte> bytes;
    bool ends_request = true;
  };

  // What a request sends after the first `offset` bytes; valid until the next call.
  virtual Outgoing outgoing(std::uint32_t index, const Request& request, std::size_t offset);
  // What the last call of outgoing() was for has left whole.
  virtual void on_left(std::uint32_t, const Request&) {}
  // Takes what has arrived, and may use its place.
  virtual Outcome take(std::uint32_t index, std::span<std::byte> bytes);
  // Nothing that was sent awaits an answer.
  [[nodiscard]] virtual bool is_quiet(std::uint32_t index) const;
  // Sends what goes before the next request; clears has_urgent when all of it has left.
  virtual Outcome send_urgent(std::uint32_t) { return Outcome::kept; }
  // A connection has ended; its record is still as it was.
  virtual void on_closed(std::uint32_t) {}

  // Sends what is queued, as far as pipeline and socket have room. `now_ns` has just been read;
  // since `room_since_ns` the pipeline has had room.
  Outcome flush(std::uint32_t index, os::Nanoseconds now_ns, os::Nanoseconds room_since_ns);
  void await_room(std::uint32_t index, bool wanted);
  // Not an error, and not counted as one, for a connection that is `closing`.
  void close(std::uint32_t index, const std::string& reason);
  // The same for one of any state that ends as it was to.
  void part(std::uint32_t index, const std::string& reason);
  // A connection is on its way to its orderly end, and carries no further request.
  void leave(std::uint32_t index);
  os::Nanoseconds look_at_clock() { return last_ns_ = clock_.now_ns(); }
  [[nodiscard]] std::uint32_t number_of(std::uint32_t index) const { return range_.first + index; }
  [[nodiscard]] const Payload& payload() const { return payload_; }
  [[nodiscard]] const measure::LoadWindow& window() const { return accounting_.window(); }
  AnswerVerifier& verifier() { return verifier_; }
  os::Poller& poller() { return poller_; }
  os::Result<std::size_t> read(int fd);
  [[nodiscard]] std::span<std::byte> receive_buffer() { return receive_buffer_; }

 private:
  void on_answer(const Request& request, bool corrupt) override;
  void on_swallowed(const Request& request) override;
  void on_unexpected_bytes(std::size_t count) override;

  [[nodiscard]] bool may_send(const Connection& connection) const;
  [[nodiscard]] bool takes_requests(const Connection& connection) const;
  // Settles the queue, up to the first request that is `kept` because it was not sent.
  enum class Unsent : std::uint8_t { kept, settled };
  void settle_queue(Connection& connection, Unsent unsent);
  void end_if_quiet(std::uint32_t index);
  void reset_within_request(std::uint32_t index);
  Outcome receive(std::uint32_t index);

  ConnectionRange range_;
  std::uint32_t pipeline_;
  const Payload& payload_;
  const os::Clock& clock_;
  os::Poller& poller_;
  Accounting& accounting_;
  RequestPool requests_;
  AnswerVerifier verifier_;
  std::vector<Connection> connections_;
  std::vector<std::byte> receive_buffer_;
  std::uint64_t established_ = 0;
  std::uint64_t answers_ = 0;
  std::uint64_t swallowed_ = 0;
  os::Nanoseconds last_ns_ = 0;
  LifeObserver* life_observer_ = nullptr;
  bool stamps_ = false;
  bool is_settled_ = false;
  // How long before last_ns_ the kernel had what was read; nothing: not known.
  std::optional<os::Nanoseconds> kernel_delay_ns_;
  measure::ErrorCounts errors_;
};

}  // namespace c1m::loadgen
