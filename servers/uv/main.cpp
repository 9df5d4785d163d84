// c1m-uv: an event loop by libuv.
#include "servers/app/server_main.hpp"
#include "servers/uv/uv_server.hpp"

int main(int argc, char** argv) {
  constexpr c1m::servers::app::Backend backend{
      .name = "uv",
      .program = "c1m-uv",
      .summary = "Echo server on libuv: one event loop a processor.",
      .has_processors = true,
      .listener_per_processor = true,
      .serve = c1m::servers::uv::serve,
  };
  return c1m::servers::app::run_server(backend, argc, argv);
}
