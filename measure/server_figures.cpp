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

template <std::uint64_t TrafficFigures::* Member>
Value from_traffic(const ShardSample& shard) {
  return shard.traffic.*Member;
}

constexpr auto counter = FigureKind::counter;
constexpr auto gauge = FigureKind::gauge;

constexpr std::array figures = {
    ShardFigure{"cpu_us", "c1m_server_cpu_seconds", "seconds", counter,
                "CPU time of the shard's process.", from_process<&ProcessSample::cpu_us>},
    ShardFigure{"cpu_user_us", "c1m_server_cpu_user_seconds", "seconds", counter,
                "CPU time in user mode, in steps of a clock tick.",
                from_process<&ProcessSample::cpu_user_us>},
    ShardFigure{"cpu_system_us", "c1m_server_cpu_system_seconds", "seconds", counter,
                "CPU time in the kernel, in steps of a clock tick.",
                from_process<&ProcessSample::cpu_system_us>},
    ShardFigure{"rss_bytes", "c1m_server_resident_memory_bytes", "bytes", gauge, "Resident memory.",
                from_process<&ProcessSample::rss_bytes>},
    ShardFigure{"pss_bytes", "c1m_server_proportional_memory_bytes", "bytes", gauge,
                "Resident memory with each shared page divided by the number of its users.",
                from_process<&ProcessSample::pss_bytes>},
    ShardFigure{"private_dirty_bytes", "c1m_server_private_dirty_memory_bytes", "bytes", gauge,
                "Resident memory that the shard alone has and has written to.",
                from_process<&ProcessSample::private_dirty_bytes>},
    ShardFigure{"threads", "c1m_server_threads", "", gauge, "Threads of the shard's process.",
                from_process<&ProcessSample::threads>},
    ShardFigure{"descriptors", "c1m_server_descriptors", "", gauge, "Open file descriptors.",
                from_process<&ProcessSample::descriptors>},
    ShardFigure{"context_switches_voluntary", "c1m_server_context_switches_voluntary", "", counter,
                "Times that a thread gave up its CPU to wait.",
                from_process<&ProcessSample::context_switches_voluntary>},
    ShardFigure{"context_switches_involuntary", "c1m_server_context_switches_involuntary", "",
                counter, "Times that a thread was preempted.",
                from_process<&ProcessSample::context_switches_involuntary>},
    ShardFigure{"run_queue_delay_us", "c1m_server_run_queue_delay_seconds", "seconds", counter,
                "Time that threads were runnable without a CPU, summed.",
                from_process<&ProcessSample::run_queue_delay_us>},
    ShardFigure{"page_faults_minor", "c1m_server_page_faults_minor", "", counter,
                "Page faults that needed no disk.",
                from_process<&ProcessSample::page_faults_minor>},
    ShardFigure{"page_faults_major", "c1m_server_page_faults_major", "", counter,
                "Page faults that waited for a disk.",
                from_process<&ProcessSample::page_faults_major>},
    ShardFigure{"connections_accepted", "c1m_server_connections_accepted", "", counter,
                "Connections that the shard has accepted.",
                from_traffic<&TrafficFigures::connections_accepted>},
    ShardFigure{"connections_open", "c1m_server_connections_open", "", gauge,
                "Connections open now.", from_traffic<&TrafficFigures::connections_open>},
    ShardFigure{"connections_closed", "c1m_server_connections_closed", "", counter,
                "Connections that have ended, for any reason.",
                from_traffic<&TrafficFigures::connections_closed>},
    ShardFigure{"bytes_received", "c1m_server_received_bytes", "bytes", counter,
                "Bytes read from peers.", from_traffic<&TrafficFigures::bytes_received>},
    ShardFigure{"bytes_sent", "c1m_server_sent_bytes", "bytes", counter, "Bytes written to peers.",
                from_traffic<&TrafficFigures::bytes_sent>},
    ShardFigure{"reads", "c1m_server_reads", "", counter, "Read calls that brought bytes.",
                from_traffic<&TrafficFigures::reads>},
    ShardFigure{"writes", "c1m_server_writes", "", counter, "Write calls that took bytes.",
                from_traffic<&TrafficFigures::writes>},
    ShardFigure{"accept_errors", "c1m_server_accept_errors", "", counter,
                "Connections that could not be accepted or served for want of a resource.",
                from_traffic<&TrafficFigures::accept_errors>},
    ShardFigure{"connection_errors", "c1m_server_connection_errors", "", counter,
                "Connections that ended by an error, such as a reset by the peer.",
                from_traffic<&TrafficFigures::connection_errors>},
    ShardFigure{"frames_frozen", "c1m_server_frames_frozen", "", counter,
                "Times that a waiting coroutine's frames were copied out of a shared stack.",
                from_traffic<&TrafficFigures::frames_frozen>},
};

}  // namespace

std::span<const ShardFigure> shard_figures() {
  return figures;
}

}  // namespace c1m::measure
