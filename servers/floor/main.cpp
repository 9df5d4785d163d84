// c1m-floor: bare epoll, the limit that the other servers are held against.
#include "servers/app/server_main.hpp"
#include "servers/floor/floor_server.hpp"

int main(int argc, char** argv) {
  constexpr c1m::servers::app::Backend backend{
      .name = "floor",
      .program = "c1m-floor",
      .summary = "Echo server on bare epoll: the least that any server can cost.",
      .has_processors = true,
      .listener_per_processor = true,
      .serve = c1m::servers::floor::serve,
  };
  return c1m::servers::app::run_server(backend, argc, argv);
}
