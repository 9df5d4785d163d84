// The shard's process; see shard.hpp.
#include "servers/app/shard.hpp"

#include <csignal>
#include <cstdio>
#include <optional>
#include <string>
#include <type_traits>

#include <fmt/format.h>

#include "os/exit_code.hpp"
#include "os/file.hpp"
#include "os/process.hpp"
#include "os/ring.hpp"

namespace c1m::servers::app {
namespace {

static_assert(std::is_trivially_copyable_v<ShardReport>);

void send_report(const os::Descriptor& pipe, const ShardReport& report) {
  // The supervisor reads the end of the pipe as "the shard is gone" when this fails.
  (void)os::write_all(pipe.get(), {reinterpret_cast<const char*>(&report), sizeof report});
}

int report_refusal(const os::Descriptor& pipe, const Refusal& refusal) {
  ShardReport report{.exit_code = refusal.exit_code, .port = 0, .message = {}};
  refusal.text.copy(report.message.data(), report.message.size() - 1);
  send_report(pipe, report);
  return refusal.exit_code;
}

Refusal failure(const os::Error& error) {
  return {.exit_code = os::exit_failed, .text = os::describe(error)};
}

Refusal cannot_listen(const os::Endpoint& endpoint, const os::Error& error) {
  if (error.code == EADDRINUSE) {
    return {.exit_code = os::exit_failed,
            .text = fmt::format(
                "port {} is in use; choose another, or find its holder: ss -ltnp 'sport = :{}'",
                endpoint.port(), endpoint.port())};
  }
  return {
      .exit_code = os::exit_failed,
      .text = fmt::format("cannot listen on {}: {}", endpoint.to_string(), os::describe(error))};
}

os::SocketOptions socket_options(const ServerOptions& options) {
  return {.no_delay = true,
          .send_buffer_bytes = options.send_buffer_bytes,
          .receive_buffer_bytes = options.receive_buffer_bytes};
}

// A poller that was asked for and cannot be had is an error: the figures would be of another one.
std::optional<Refusal> refuse_poller(const ServerOptions& options) {
  if (options.poller != PollerChoice::io_uring) return std::nullopt;
  const auto ring = os::Ring::create(os::Ring::Sharing::one_thread);
  if (ring) return std::nullopt;
  return Refusal{.exit_code = os::exit_machine_limit,
                 .text = fmt::format("--poller io_uring: {}; allow it (sysctl "
                                     "kernel.io_uring_disabled=0, the container's seccomp "
                                     "profile; Linux 6.1 or later) or use --poller epoll",
                                     os::describe(ring.error()))};
}

// Everything that may fail before the shard serves.
std::expected<ShardContext, Refusal> prepare(const Backend& backend, const ServerOptions& options,
                                             const ShardPlan& plan, os::Descriptor& stop) {
  if (plan.cpus) {
    if (const auto bound = os::bind_to(*plan.cpus); !bound)
      return std::unexpected(failure(bound.error()));
  }
  if (auto refused = refuse_poller(options)) return std::unexpected(std::move(*refused));
  auto signals = os::signal_descriptor({SIGTERM});
  if (!signals) return std::unexpected(failure(signals.error()));
  stop = std::move(*signals);
  ShardContext context;
  context.index = plan.index;
  context.stop_descriptor = stop.get();
  context.protocol = options.protocol;
  context.websocket = options.websocket;
  context.processors = options.processors;
  context.connections = plan.connections;
  context.socket = socket_options(options);
  context.read_buffer_bytes = options.read_buffer_bytes;
  context.thread_stack_bytes = options.thread_stack_bytes;
  context.coroutine_stack_bytes = options.coroutine_stack_bytes;
  context.poller = options.poller;
  context.stacks = backend.stacks_in_use(options.stacks);
  context.freeze = options.freeze;
  context.freeze.above_bytes = plan.freeze_above_bytes;
  context.stats_interval_ns = options.stats_interval_ns;
  const unsigned count = backend.listener_per_processor ? options.processors : 1;
  auto listeners = open_listeners(plan.endpoint, count, context.socket);
  if (!listeners) return std::unexpected(listeners.error());
  context.listeners = std::move(*listeners);
  return context;
}

}  // namespace

std::expected<std::vector<os::Descriptor>, Refusal> open_listeners(
    const os::Endpoint& endpoint, unsigned count, const os::SocketOptions& options) {
  os::Endpoint bound = endpoint;
  if (count > 1 && endpoint.port() != 0) {
    // SO_REUSEPORT would share the port with another such server of the same user, without an
    // error; a plain listener, closed at once, finds it.
    const auto probe = os::listen_tcp(endpoint, {.socket = options});
    if (!probe) return std::unexpected(cannot_listen(endpoint, probe.error()));
  }
  std::vector<os::Descriptor> listeners;
  while (listeners.size() < count) {
    auto listener = os::listen_tcp(bound, {.reuse_port = count > 1, .socket = options});
    if (!listener) return std::unexpected(cannot_listen(bound, listener.error()));
    const auto local = os::local_endpoint(listener->get());
    if (!local) return std::unexpected(failure(local.error()));
    bound = *local;
    listeners.push_back(std::move(*listener));
  }
  return listeners;
}

int run_shard(const Backend& backend, const ServerOptions& options, const ShardPlan& plan,
              std::span<WorkerCounters> counters, const PauseBoard& pauses,
              const os::Descriptor& report) {
  std::signal(SIGINT, SIG_IGN);
  if (const auto closed = os::close_descriptors_except(report.get()); !closed) {
    return report_refusal(report, failure(closed.error()));
  }
  os::Descriptor stop;
  auto context = prepare(backend, options, plan, stop);
  if (!context) return report_refusal(report, context.error());
  context->counters = counters;
  context->pauses = pauses;
  record_calls(pauses);
  const auto local = os::local_endpoint(context->listeners.front().get());
  if (!local) return report_refusal(report, failure(local.error()));
  send_report(report, {.exit_code = 0, .port = local->port(), .message = {}});

  if (const auto served = backend.serve(*context); !served) {
    fmt::print(stderr, "{}: shard {}: {}\n", backend.program, plan.index,
               os::describe(served.error()));
    return os::exit_failed;
  }
  return os::exit_good;
}

}  // namespace c1m::servers::app
