// An echo server: a coroutine a connection, all in one group, so that when one line "stop" arrives
// every connection ends with the group. Usage: echo_server [PORT] (0: any), on 127.0.0.1.
// Threads: the runtime's.
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>

#include "os/exit_code.hpp"
#include "os/result.hpp"
#include "os/socket.hpp"
#include "runtime/runtime.hpp"
#include "runtime/task_group.hpp"
#include "runtime/tcp_listener.hpp"

namespace c1m::examples {
namespace {

using runtime::TaskGroup;
using runtime::TcpListener;
using runtime::TcpStream;

// What goes wrong with one connection is not the others' business: it ends here.
void echo(TcpStream stream, TaskGroup& group) {
  std::array<std::byte, 1024> buffer;
  for (;;) {
    const auto count = stream.read(buffer, group.context());
    if (!count || *count == 0) return;
    const auto bytes = std::span(buffer).first(*count);
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    if (text == "stop\n") group.cancel();
    if (!stream.write(bytes, group.context())) return;
  }
}

os::Result<void> serve(std::uint16_t port) {
  constexpr std::uint32_t loopback = 0x7f000001;
  auto socket = os::listen_tcp(os::Endpoint::ipv4(loopback, port), {});
  if (!socket) return std::unexpected(socket.error());
  const auto endpoint = os::local_endpoint(socket->get());
  auto listener = TcpListener::adopt(std::move(*socket));
  if (!endpoint || !listener) return os::fail(EINVAL, "listen");
  std::fputs(("listening on port " + std::to_string(endpoint->port()) + "\n").c_str(), stdout);
  std::fflush(stdout);
  TaskGroup group;
  for (;;) {
    auto stream = listener->accept(group.context());
    if (!stream && group.context().is_cancelled()) break;
    if (!stream) continue;  // that peer has gone
    auto spawned =
        group.spawn([peer = std::move(*stream), &group] mutable { echo(std::move(peer), group); });
    if (!spawned) return spawned;
  }
  return group.join();
}

int main_with(int argc, char** argv) {
  std::uint16_t port = 0;
  if (argc > 1) {
    const std::string_view text = argv[1];
    const auto read = std::from_chars(text.data(), text.data() + text.size(), port);
    if (read.ec != std::errc() || read.ptr != text.data() + text.size() || argc > 2) {
      std::fputs("usage: echo_server [PORT]\n", stderr);
      return os::exit_wrong_usage;
    }
  }
  auto runtime = runtime::Runtime::create({.processors = 2});
  if (!runtime) return os::exit_failed;
  os::Result<void> served;
  const auto ran = (*runtime)->run([&served, port] { served = serve(port); });
  if (!served) std::fputs((os::describe(served.error()) + "\n").c_str(), stderr);
  return ran && served ? os::exit_good : os::exit_failed;
}

}  // namespace
}  // namespace c1m::examples

int main(int argc, char** argv) {
  return c1m::examples::main_with(argc, argv);
}
