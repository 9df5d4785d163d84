// The event loop of a shard; see load_shard.hpp.
#include "loadgen/load_shard.hpp"

#include <unistd.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "loadgen/accounting.hpp"
#include "loadgen/churn.hpp"
#include "loadgen/connector.hpp"
#include "loadgen/echo_exchange.hpp"
#include "loadgen/shard_terms.hpp"
#include "loadgen/shard_wait.hpp"
#include "loadgen/traffic.hpp"
#include "loadgen/unkind_clients.hpp"
#include "loadgen/websocket_exchange.hpp"
#include "loadgen/websocket_rounds.hpp"
#include "measure/load_result_json.hpp"
#include "measure/loop_meter.hpp"
#include "measure/process_probe.hpp"
#include "measure/silence.hpp"
#include "os/entropy.hpp"
#include "os/file.hpp"
#include "os/poller.hpp"

namespace c1m::loadgen {
namespace {

constexpr std::uint64_t wake_tag = UINT64_MAX;
// Sealing a second of the timeline takes some 0.1 ms: done when nothing is due for this long.
constexpr os::Nanoseconds idle_ns = os::ns_per_ms / 2;
// A second is sealed so long after its end, when most of its answers are there.
constexpr os::Nanoseconds seal_grace_ns = os::ns_per_s;
// A proof of life may take as long as the connections need; but it must get on.
constexpr os::Nanoseconds proof_max_ns = 3'600 * os::ns_per_s;

class LoadShard {
 public:
  // `secret`: foreseen by nobody.
  LoadShard(const ShardOrder& order, os::Poller poller, std::uint64_t secret)
      : order_(order),
        settings_(order.settings),
        secret_(secret),
        range_(shard_range(settings_.connections, order.shards, order.index)),
        poller_(std::move(poller)),
        accounting_(loop_kind(settings_.mode), settings_.timeout_ns),
        websocket_(make_websocket_exchange(order, range_, secret, clock_, poller_, accounting_)),
        plain_(websocket_ ? nullptr
                          : make_echo_exchange(order, range_, clock_, poller_, accounting_)),
        exchange_(websocket_ ? *websocket_ : *plain_),
        connector_(exchange_, range_, order.routes, clock_, poller_,
                   ConnectPace(connect_rate_of_shard(order), clock_.now_ns()),
                   settings_.timeout_ns),
        reconnects_(exchange_, range_, order.routes, clock_, poller_, settings_.timeout_ns),
        meter_(order.pauses, settings_.pauses.tick_ns) {
    if (meter_.is_on() && settings_.mode != LoadMode::idle)
      silences_.emplace(settings_.targets.size(), PauseSettings::silence_floor_ns);
    accounting_.show_in(order.status.latency, order.status.send_lag);
    if (settings_.kernel_timestamps) exchange_.use_kernel_timestamps();
  }

  os::Result<void> run() {
    auto added = poller_.add(order_.wake.descriptor(), EPOLLIN | EPOLLET, wake_tag);
    if (!added) return added;
    auto wait = ShardWait::create(clock_, poller_, meter_, settings_.precision);
    if (!wait) return std::unexpected(wait.error());
    wait_.emplace(*std::move(wait));
    connect();
    await_start();
    if (!is_stopped()) {
      exchange_traffic();
      drain();
    }
    return report();
  }

 private:
  void connect();
  void await_start();
  void exchange_traffic();
  void hold(os::Nanoseconds from_ns, os::Nanoseconds until_ns);
  void run_traffic(os::Nanoseconds until_ns);
  void prove_alive();
  void drain();
  void close_connections();
  os::Result<void> report();

  void send_due(os::Nanoseconds now_ns) {
    traffic_->send_due(now_ns);
    if (pings_) pings_->send_due(now_ns);
  }
  [[nodiscard]] os::Nanoseconds ping_due_ns() const {
    return pings_ ? pings_->next_due_ns() : never_ns;
  }
  void obey_stop();
  void keep_timeline(os::Nanoseconds now_ns);
  void turn(os::Nanoseconds deadline_ns, os::Nanoseconds request_due_ns = never_ns);
  void dispatch(const epoll_event& event);
  void publish();
  void enter(ShardPhase phase) { order_.status.phase.store(phase, std::memory_order_release); }
  [[nodiscard]] os::Nanoseconds stop_ns() const {
    return order_.control.stop_ns.load(std::memory_order_relaxed);
  }
  [[nodiscard]] bool is_stopped() const { return stop_ns() <= clock_.now_ns(); }

  const ShardOrder& order_;
  const LoadSettings& settings_;
  std::uint64_t secret_;
  ConnectionRange range_;
  os::MonotonicClock clock_;
  os::Poller poller_;
  Accounting accounting_;
  std::unique_ptr<WebSocketExchange> websocket_;  // or the next one
  std::unique_ptr<EchoExchange> plain_;
  EchoExchange& exchange_;
  Connector connector_;
  ConnectAttempts reconnects_;
  std::optional<Churn> churn_;        // from the start of the plan to the report
  std::unique_ptr<Traffic> traffic_;  // from the start of the plan to the end of the drain
  std::optional<PingRound> pings_;
  std::optional<UnkindClients> unkind_;  // once the load's connections stand
  measure::LoopMeter meter_;
  std::optional<ShardWait> wait_;                // from the first turn on
  std::optional<measure::SilenceLog> silences_;  // with --pauses
  measure::LoadShardResult result_;
};

void LoadShard::connect() {
  while (!connector_.finished()) {
    const os::Nanoseconds now_ns = clock_.now_ns();
    connector_.expire(now_ns);
    if (settings_.until_refused) connector_.note_closed(exchange_.errors());
    if (order_.control.stop_connecting.load(std::memory_order_relaxed)) connector_.stop();
    connector_.start_due(now_ns);
    if (is_stopped()) break;
    if (!connector_.finished()) turn(std::min(connector_.next_due_ns(), stop_ns()));
  }
  connector_.stop();
  if (settings_.unkind.clients() > 0 && connector_.refusals() == 0) {
    unkind_.emplace(order_, secret_, clock_, poller_);
    while (!unkind_->settled() && !is_stopped()) turn(stop_ns());
  }
  publish();
  enter(ShardPhase::ready);
}

void LoadShard::await_start() {
  const auto& start_ns = order_.control.start_ns;
  while (start_ns.load(std::memory_order_relaxed) == 0 && !is_stopped()) turn(stop_ns());
  result_.connections_established = exchange_.established();
  if (settings_.until_refused) exchange_.forget_closed();
}

void LoadShard::exchange_traffic() {
  const os::Nanoseconds begin_ns = order_.control.start_ns.load(std::memory_order_relaxed);
  const os::Nanoseconds start_ns = begin_ns + settings_.hold_ns;
  const os::Nanoseconds length_ns = settings_.warmup_ns + settings_.duration_ns;
  measure::LoadWindow window{.start_ns = start_ns + settings_.warmup_ns,
                             .end_ns = start_ns + length_ns};
  measure::LoadWindow accounted = window;
  // The proof follows the hold, and its requests are what an idle run counts.
  if (settings_.mode == LoadMode::idle) accounted.end_ns += proof_max_ns;
  accounting_.open_window(accounted);
  if (unkind_) unkind_->observe(window);
  if (silences_) silences_->open(window.start_ns, window.end_ns);
  enter(ShardPhase::running);
  if (settings_.hold_ns > 0) hold(begin_ns, start_ns);
  switch (settings_.mode) {
    case LoadMode::open:
      traffic_ = std::make_unique<OpenLoop>(
          exchange_, ShardPlan(settings_.plan(), range_, length_ns), range_, start_ns);
      break;
    case LoadMode::closed:
      traffic_ =
          std::make_unique<ClosedLoop>(exchange_, settings_.pipeline, start_ns, window.end_ns);
      break;
    case LoadMode::idle:
      traffic_ = std::make_unique<AliveProof>(exchange_, window.end_ns);
      break;
  }
  if (websocket_ && settings_.websocket.ping_interval_ns > 0) {
    pings_.emplace(*websocket_, settings_.websocket.ping_interval_ns, start_ns, window.end_ns);
  }
  if (!settings_.lifetime.is_endless()) {
    churn_.emplace(exchange_, LifePlan(settings_.lifetime, settings_.seed), range_, reconnects_,
                   clock_, settings_.timeout_ns, start_ns, window.end_ns);
  }
  run_traffic(window.start_ns);
  const os::Nanoseconds cpu_before_ns = own_cpu_ns();
  run_traffic(window.end_ns);
  result_.cpu_ns = own_cpu_ns() - cpu_before_ns;
  if (settings_.mode == LoadMode::idle) prove_alive();
}

// One exchange on each connection, then rest. Requests count as warm-up; an answer that comes after
// the end does not prove its connection in time.
void LoadShard::hold(os::Nanoseconds from_ns, os::Nanoseconds until_ns) {
  traffic_ = std::make_unique<AliveProof>(exchange_, from_ns);
  while (true) {
    const os::Nanoseconds now_ns = clock_.now_ns();
    const os::Nanoseconds end_ns = std::min(until_ns, stop_ns());
    if (now_ns >= end_ns) break;
    traffic_->send_due(now_ns);
    turn(std::min(traffic_->next_due_ns(), end_ns));
  }
  result_.connections_proven = accounting_.answered_total();
  traffic_.reset();
}

// Keeps the traffic going until `until_ns`, or until the supervisor's stop if that is earlier.
void LoadShard::run_traffic(os::Nanoseconds until_ns) {
  while (true) {
    obey_stop();
    const os::Nanoseconds now_ns = clock_.now_ns();
    const os::Nanoseconds end_ns = std::min(until_ns, stop_ns());
    if (now_ns >= end_ns) break;
    send_due(now_ns);
    keep_timeline(now_ns);
    turn(std::min({ping_due_ns(), end_ns, accounting_.timeline().next_sample_ns()}),
         traffic_->next_due_ns());
  }
  // What was due before the end but not reached yet still belongs to the plan.
  while (std::min(traffic_->next_due_ns(), ping_due_ns()) < std::min(until_ns, stop_ns())) {
    send_due(clock_.now_ns());
    turn(0);
  }
}

void LoadShard::prove_alive() {
  std::uint64_t answered = 0;
  os::Nanoseconds progress_ns = clock_.now_ns();
  while (exchange_.outstanding() > 0 || traffic_->next_due_ns() != never_ns) {
    obey_stop();
    const os::Nanoseconds now_ns = clock_.now_ns();
    if (accounting_.answered_total() != answered) progress_ns = now_ns;
    answered = accounting_.answered_total();
    if (now_ns >= progress_ns + settings_.timeout_ns || now_ns >= stop_ns()) break;
    traffic_->send_due(now_ns);
    keep_timeline(now_ns);
    turn(std::min(traffic_->next_due_ns(), progress_ns + settings_.timeout_ns));
  }
  traffic_->end_at(clock_.now_ns());
}

void LoadShard::drain() {
  enter(ShardPhase::draining);
  const os::Nanoseconds begin_ns = clock_.now_ns();
  while (exchange_.outstanding() > 0 || (websocket_ && websocket_->pings_out() > 0) ||
         (churn_ && !churn_->finished())) {
    const os::Nanoseconds limit_ns = order_.control.drain_ns.load(std::memory_order_relaxed);
    if (clock_.now_ns() >= begin_ns + limit_ns) break;
    turn(begin_ns + limit_ns);
  }
  keep_timeline(clock_.now_ns());
  exchange_.settle_rest();
  traffic_.reset();
}

// The closing handshake of each connection.
void LoadShard::close_connections() {
  CloseRound round(*websocket_, clock_.now_ns());
  const auto patience_ns = [&] { return order_.control.drain_ns.load(std::memory_order_relaxed); };
  while (round.goes_on(clock_.now_ns(), patience_ns())) turn(round.deadline_ns(patience_ns()));
}

os::Result<void> LoadShard::report() {
  result_.connections_at_end = exchange_.established();
  if (churn_) result_.churn = churn_->result();
  churn_.reset();  // connections close for good from here on
  publish();
  enter(ShardPhase::drained);
  while (!order_.control.report.load(std::memory_order_relaxed)) turn(never_ns);
  if (unkind_) unkind_->write_to(result_);
  unkind_.reset();
  result_.index = order_.index;
  result_.pid = ::getpid();
  result_.connections_planned = range_.count;
  result_.connect = connector_.result();
  result_.connect_timeline = connector_.timeline();
  result_.connection_errors = exchange_.errors();
  if (websocket_) {
    close_connections();
    result_.websocket = websocket_->result();
  }
  result_.request_pool_bytes = exchange_.request_pool_bytes();
  result_.rss_bytes = measure::ProcessProbe(result_.pid).sample().rss_bytes.value_or(0);
  if (silences_) result_.silence = silences_->close(accounting_.window().end_ns);
  accounting_.write_to(result_);
  return os::write_all(order_.result_fd, measure::write_load_shard_result(result_));
}

void LoadShard::obey_stop() {
  const os::Nanoseconds end_ns = stop_ns();
  if (end_ns >= accounting_.window().end_ns) return;
  traffic_->end_at(end_ns);
  accounting_.cut_window(end_ns);
  if (unkind_) unkind_->observe(accounting_.window());
}

void LoadShard::keep_timeline(os::Nanoseconds now_ns) {
  LoadTimeline& timeline = accounting_.timeline();
  if (timeline.next_sample_ns() <= now_ns) {
    timeline.sample(now_ns, exchange_.outstanding(), exchange_.established());
  }
  const bool has_time = traffic_->next_due_ns() > now_ns + idle_ns;
  const bool is_full = timeline.open_seconds() > LoadTimeline::open_seconds_max;
  if (has_time || is_full) timeline.seal_one(now_ns - seal_grace_ns);
}

// Waits for events until `deadline_ns`, or until a request of the plan is due, and handles them.
void LoadShard::turn(os::Nanoseconds deadline_ns, os::Nanoseconds request_due_ns) {
  if (churn_) deadline_ns = std::min(deadline_ns, churn_->next_due_ns());
  if (unkind_) deadline_ns = std::min(deadline_ns, unkind_->next_due_ns());
  for (const epoll_event& event : wait_->until(request_due_ns, deadline_ns)) {
    dispatch(event);
    // Reading a large batch must not delay what is due meanwhile.
    const bool is_unkind = UnkindClients::owns(event.data.u64);
    const os::Nanoseconds recent_ns = is_unkind ? clock_.now_ns() : exchange_.last_ns();
    if (traffic_ && traffic_->next_due_ns() <= recent_ns) traffic_->send_due(recent_ns);
  }
  if (churn_) {
    churn_->end_at(stop_ns());
    churn_->advance(clock_.now_ns());
  }
  if (unkind_) unkind_->advance(clock_.now_ns());
  publish();
}

void LoadShard::dispatch(const epoll_event& event) {
  if (event.data.u64 == wake_tag) return;
  if (UnkindClients::owns(event.data.u64)) {
    if (unkind_) unkind_->handle(event.data.u64, event.events);
    return;
  }
  const auto index = static_cast<std::uint32_t>(event.data.u64);
  if (exchange_.connection(index).state == ConnectionState::connecting) {
    churn_ ? churn_->handle(index) : connector_.handle(index);
  } else if (const std::uint32_t answered = exchange_.handle(index, event.events);
             answered > 0 && traffic_) {
    traffic_->on_answered(index, answered);
    if (silences_) {
      silences_->on_answer((range_.first + index) % settings_.targets.size(), exchange_.last_ns());
    }
  }
}

void LoadShard::publish() {
  ShardStatus& status = order_.status;
  const std::uint64_t away = churn_ ? churn_->away() : 0;
  status.established.store(exchange_.established(), std::memory_order_relaxed);
  status.alive.store(exchange_.established() + away, std::memory_order_relaxed);
  if (churn_) {
    status.reopened.store(churn_->reopened(), std::memory_order_relaxed);
    status.reset.store(churn_->resets(), std::memory_order_relaxed);
  }
  if (unkind_) {
    status.half_open.store(unkind_->half_open_standing(), std::memory_order_relaxed);
    status.slow.store(unkind_->slow_standing(), std::memory_order_relaxed);
  }
  status.connects_failed.store(connector_.refusals(), std::memory_order_relaxed);
  status.sent.store(accounting_.sent_total(), std::memory_order_relaxed);
  status.answered.store(accounting_.answered_total(), std::memory_order_relaxed);
  status.errors.store(accounting_.errors_total(), std::memory_order_relaxed);
  status.outstanding.store(exchange_.outstanding(), std::memory_order_relaxed);
  status.turns.store(status.turns.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}

}  // namespace

int run_load_shard(const ShardOrder& order) {
  auto outcome = prepare_process(order);
  if (outcome) {
    while (!order.control.may_connect.load(std::memory_order_relaxed)) order.wake.wait();
    auto poller = os::Poller::create();
    const auto secret = os::random_bits();
    if (!poller || !secret) {
      outcome = std::unexpected(poller ? secret.error() : poller.error());
    } else {
      outcome = LoadShard(order, *std::move(poller), *secret).run();
    }
  }
  if (outcome) return 0;
  const auto text =
      fmt::format("c1m-load: shard {}: {}\n", order.index, os::describe(outcome.error()));
  // There is no other place left to say it.
  static_cast<void>(os::write_all(STDERR_FILENO, text));
  return 1;
}

}  // namespace c1m::loadgen
