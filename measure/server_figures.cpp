// The rows of the figures' table; see server_figures.hpp.
#include "measure/server_figures.hpp"

#include <array>

namespace c1m::measure {
namespace {

using Value = std::optional<std::uint64_t>;

template <Value ProcessSample::* Member>
Value from_process(const ShardSample& shard) {
  return shard.process.*Member;
}

template <std::uint64_t WebSocketFigures::* Member>
Value from_websocket(const ShardSample& shard) {
  return shard.traffic.websocket.*Member;
}

template <std::size_t Place>
Value from_closes(const ShardSample& shard) {
  return shard.traffic.websocket.closes[Place];
}

template <std::uint64_t TrafficFigures::* Member>
Value from_traffic(const ShardSample& shard) {
  return shard.traffic.*Member;
}

constexpr auto counter = FigureKind::counter;
constexpr auto gauge = FigureKind::gauge;

constexpr const char* closes_help =
    "WebSocket sessions ended, by the code of the first Close frame, 1005 for one without a code, "
    "1006 for none.";

constexpr std::array figures = {
    ShardFigure{"cpu_us", "c1m_server_cpu_seconds", "seconds", counter,
                "CPU time of the shard's process.", "", from_process<&ProcessSample::cpu_us>},
    ShardFigure{"cpu_user_us", "c1m_server_cpu_user_seconds", "seconds", counter,
                "CPU time in user mode, in steps of a clock tick.", "",
                from_process<&ProcessSample::cpu_user_us>},
    ShardFigure{"cpu_system_us", "c1m_server_cpu_system_seconds", "seconds", counter,
                "CPU time in the kernel, in steps of a clock tick.", "",
                from_process<&ProcessSample::cpu_system_us>},
    ShardFigure{"rss_bytes", "c1m_server_resident_memory_bytes", "bytes", gauge, "Resident memory.",
                "", from_process<&ProcessSample::rss_bytes>},
    ShardFigure{"pss_bytes", "c1m_server_proportional_memory_bytes", "bytes", gauge,
                "Resident memory with each shared page divided by the number of its users.", "",
                from_process<&ProcessSample::pss_bytes>},
    ShardFigure{"private_dirty_bytes", "c1m_server_private_dirty_memory_bytes", "bytes", gauge,
                "Resident memory that the shard alone has and has written to.", "",
                from_process<&ProcessSample::private_dirty_bytes>},
    ShardFigure{"threads", "c1m_server_threads", "", gauge, "Threads of the shard's process.", "",
                from_process<&ProcessSample::threads>},
    ShardFigure{"descriptors", "c1m_server_descriptors", "", gauge, "Open file descriptors.", "",
                from_process<&ProcessSample::descriptors>},
    ShardFigure{"context_switches_voluntary", "c1m_server_context_switches_voluntary", "", counter,
                "Times that a thread gave up its CPU to wait.", "",
                from_process<&ProcessSample::context_switches_voluntary>},
    ShardFigure{"context_switches_involuntary", "c1m_server_context_switches_involuntary", "",
                counter, "Times that a thread was preempted.", "",
                from_process<&ProcessSample::context_switches_involuntary>},
    ShardFigure{"run_queue_delay_us", "c1m_server_run_queue_delay_seconds", "seconds", counter,
                "Time that threads were runnable without a CPU, summed.", "",
                from_process<&ProcessSample::run_queue_delay_us>},
    ShardFigure{"page_faults_minor", "c1m_server_page_faults_minor", "", counter,
                "Page faults that needed no disk.", "",
                from_process<&ProcessSample::page_faults_minor>},
    ShardFigure{"page_faults_major", "c1m_server_page_faults_major", "", counter,
                "Page faults that waited for a disk.", "",
                from_process<&ProcessSample::page_faults_major>},
    ShardFigure{"connections_accepted", "c1m_server_connections_accepted", "", counter,
                "Connections that the shard has accepted.", "",
                from_traffic<&TrafficFigures::connections_accepted>},
    ShardFigure{"connections_open", "c1m_server_connections_open", "", gauge,
                "Connections open now.", "", from_traffic<&TrafficFigures::connections_open>},
    ShardFigure{"connections_closed", "c1m_server_connections_closed", "", counter,
                "Connections that have ended, for any reason.", "",
                from_traffic<&TrafficFigures::connections_closed>},
    ShardFigure{"bytes_received", "c1m_server_received_bytes", "bytes", counter,
                "Bytes read from peers.", "", from_traffic<&TrafficFigures::bytes_received>},
    ShardFigure{"bytes_sent", "c1m_server_sent_bytes", "bytes", counter, "Bytes written to peers.",
                "", from_traffic<&TrafficFigures::bytes_sent>},
    ShardFigure{"reads", "c1m_server_reads", "", counter, "Read calls that brought bytes.", "",
                from_traffic<&TrafficFigures::reads>},
    ShardFigure{"writes", "c1m_server_writes", "", counter, "Write calls that took bytes.", "",
                from_traffic<&TrafficFigures::writes>},
    ShardFigure{"accept_errors", "c1m_server_accept_errors", "", counter,
                "Connections that could not be accepted or served for want of a resource.", "",
                from_traffic<&TrafficFigures::accept_errors>},
    ShardFigure{"connection_errors", "c1m_server_connection_errors", "", counter,
                "Connections that ended by an error, such as a reset by the peer.", "",
                from_traffic<&TrafficFigures::connection_errors>},
    ShardFigure{"frames_frozen", "c1m_server_frames_frozen", "", counter,
                "Times that a waiting coroutine's frames were copied out of a shared stack.", "",
                from_traffic<&TrafficFigures::frames_frozen>},
    ShardFigure{"stacks_frozen", "c1m_server_stacks_frozen", "", gauge,
                "Idle connections whose stack is frozen now.", "",
                from_traffic<&TrafficFigures::stacks_frozen>},
    ShardFigure{"stack_freezes", "c1m_server_stack_freezes", "", counter,
                "Times that an idle connection's stack was frozen.", "",
                from_traffic<&TrafficFigures::stack_freezes>},
    ShardFigure{"stack_thaws", "c1m_server_stack_thaws", "", counter,
                "Times that a frozen stack was needed again.", "",
                from_traffic<&TrafficFigures::stack_thaws>},
    ShardFigure{"stack_bytes_released", "c1m_server_stack_released_bytes", "bytes", counter,
                "Memory of stacks that freezing has given back.", "",
                from_traffic<&TrafficFigures::stack_bytes_released>},
    ShardFigure{"sessions_open", "c1m_server_websocket_sessions_open", "", gauge,
                "WebSocket sessions open now.", "",
                from_websocket<&WebSocketFigures::sessions_open>},
    ShardFigure{"sessions_opened", "c1m_server_websocket_sessions_opened", "", counter,
                "WebSocket handshakes that were answered with 101.", "",
                from_websocket<&WebSocketFigures::sessions_opened>},
    ShardFigure{"sessions_ended", "c1m_server_websocket_sessions_ended", "", counter,
                "WebSocket sessions that have ended, each under one close code.", "",
                from_websocket<&WebSocketFigures::sessions_ended>},
    ShardFigure{"handshakes_refused", "c1m_server_websocket_handshakes_refused", "", counter,
                "WebSocket handshakes that were answered with an error.", "",
                from_websocket<&WebSocketFigures::handshakes_refused>},
    ShardFigure{"handshakes_abandoned", "c1m_server_websocket_handshakes_abandoned", "", counter,
                "Connections that ended, or were too slow, before their handshake was answered.",
                "", from_websocket<&WebSocketFigures::handshakes_abandoned>},
    ShardFigure{"messages_received", "c1m_server_websocket_messages_received", "", counter,
                "WebSocket messages received whole.", "",
                from_websocket<&WebSocketFigures::messages_received>},
    ShardFigure{"message_bytes_received", "c1m_server_websocket_message_received_bytes", "bytes",
                counter, "Payloads of WebSocket messages received.", "",
                from_websocket<&WebSocketFigures::message_bytes_received>},
    ShardFigure{"messages_sent", "c1m_server_websocket_messages_sent", "", counter,
                "WebSocket messages answered.", "",
                from_websocket<&WebSocketFigures::messages_sent>},
    ShardFigure{"message_bytes_sent", "c1m_server_websocket_message_sent_bytes", "bytes", counter,
                "Payloads of WebSocket messages sent.", "",
                from_websocket<&WebSocketFigures::message_bytes_sent>},
    ShardFigure{"pings_sent", "c1m_server_websocket_pings_sent", "", counter, "Ping frames sent.",
                "", from_websocket<&WebSocketFigures::pings_sent>},
    ShardFigure{"pings_received", "c1m_server_websocket_pings_received", "", counter,
                "Ping frames received and answered.", "",
                from_websocket<&WebSocketFigures::pings_received>},
    ShardFigure{"pongs_received", "c1m_server_websocket_pongs_received", "", counter,
                "Pong frames received.", "", from_websocket<&WebSocketFigures::pongs_received>},
    ShardFigure{"closes_1000", "c1m_server_websocket_closes", "", counter, closes_help,
                "code=\"1000\"", from_closes<0>},
    ShardFigure{"closes_1001", "c1m_server_websocket_closes", "", counter, closes_help,
                "code=\"1001\"", from_closes<1>},
    ShardFigure{"closes_1002", "c1m_server_websocket_closes", "", counter, closes_help,
                "code=\"1002\"", from_closes<2>},
    ShardFigure{"closes_1003", "c1m_server_websocket_closes", "", counter, closes_help,
                "code=\"1003\"", from_closes<3>},
    ShardFigure{"closes_1005", "c1m_server_websocket_closes", "", counter, closes_help,
                "code=\"1005\"", from_closes<4>},
    ShardFigure{"closes_1006", "c1m_server_websocket_closes", "", counter, closes_help,
                "code=\"1006\"", from_closes<5>},
    ShardFigure{"closes_1007", "c1m_server_websocket_closes", "", counter, closes_help,
                "code=\"1007\"", from_closes<6>},
    ShardFigure{"closes_1008", "c1m_server_websocket_closes", "", counter, closes_help,
                "code=\"1008\"", from_closes<7>},
    ShardFigure{"closes_1009", "c1m_server_websocket_closes", "", counter, closes_help,
                "code=\"1009\"", from_closes<8>},
    ShardFigure{"closes_1011", "c1m_server_websocket_closes", "", counter, closes_help,
                "code=\"1011\"", from_closes<9>},
    ShardFigure{"closes_other", "c1m_server_websocket_closes", "", counter, closes_help,
                "code=\"other\"", from_closes<10>},
};

}  // namespace

std::span<const ShardFigure> shard_figures() {
  return figures;
}

}  // namespace c1m::measure
