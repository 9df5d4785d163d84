// c1m-threads: a thread a connection, on blocking Boost.Asio sockets.
#include "servers/app/server_main.hpp"
#include "servers/threads/threads_server.hpp"

int main(int argc, char** argv) {
  constexpr c1m::servers::app::Backend backend{
      .name = "threads",
      .program = "c1m-threads",
      .summary = "Echo server on blocking sockets: one thread a connection.",
      .thread_per_connection = true,
      .turns_unavailable =
          "a thread a connection has no loop; this meter stands in the thread that accepts",
      .serve = c1m::servers::threads::serve,
  };
  return c1m::servers::app::run_server(backend, argc, argv);
}
